//! The answers as the table in docs/reliability.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    cell::{Cell, CellAnswer},
    upstream::Service,
};

/// All answers of each row and column. Rows are in the order of the run.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<&'static str>,
    answers: BTreeMap<(&'static str, Service), BTreeSet<String>>,
    cells: usize,
}

impl Report {
    pub(crate) fn add(&mut self, cell: &Cell, answer: CellAnswer) {
        let row = cell.case.row;
        if !self.rows.contains(&row) {
            self.rows.push(row);
        }
        self.cells += 1;
        let Some((status, code)) = answer else { return };
        let status = match cell.case.status() {
            Some(same) if same == status && code == "calendly_error" && same != 429 => "the same".to_owned(),
            _ => status.to_string(),
        };
        let text = if code.is_empty() { status } else { format!("{status} `{code}`") };
        self.answers.entry((row, cell.upstream.service())).or_default().insert(text);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} cells.\n", self.cells)?;
        writeln!(formatter, "| fault | Calendly | the token issuer | Secrets Manager | DynamoDB |")?;
        writeln!(formatter, "| --- | --- | --- | --- | --- |")?;
        for row in &self.rows {
            write!(formatter, "| {row} |")?;
            for service in [Service::Calendly, Service::Issuer, Service::SecretsManager, Service::DynamoDb] {
                let answers: Vec<_> =
                    self.answers.get(&(*row, service)).into_iter().flatten().cloned().collect();
                write!(formatter, " {} |", answers.join(" or "))?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}
