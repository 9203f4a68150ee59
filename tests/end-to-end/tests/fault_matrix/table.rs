//! What the run found, as the table in docs/reliability.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    cell::{Cell, Verdict},
    upstream::Kind,
};

/// Of each row and column, every answer that was seen. Rows come as in the run.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<&'static str>,
    cells: BTreeMap<(&'static str, Kind), BTreeSet<String>>,
    /// How many cells there are.
    count: usize,
}

impl Table {
    pub(crate) fn add(&mut self, cell: &Cell, verdict: Verdict) {
        let row = cell.wrong.row;
        if !self.rows.contains(&row) {
            self.rows.push(row);
        }
        self.count += 1;
        let Some((status, code)) = verdict else { return };
        let status = match cell.wrong.status() {
            Some(same) if same == status && code == "calendly_error" && same != 429 => "the same".to_owned(),
            _ => status.to_string(),
        };
        let text = if code.is_empty() { status } else { format!("{status} `{code}`") };
        self.cells.entry((row, cell.upstream.kind())).or_default().insert(text);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "{} cells.\n", self.count)?;
        writeln!(
            formatter,
            "| what goes wrong | Calendly | the token issuer | Secrets Manager | DynamoDB |"
        )?;
        writeln!(formatter, "| --- | --- | --- | --- | --- |")?;
        for row in &self.rows {
            write!(formatter, "| {row} |")?;
            for kind in [Kind::Calendly, Kind::Issuer, Kind::Secrets, Kind::Table] {
                let seen: Vec<_> = self.cells.get(&(*row, kind)).into_iter().flatten().cloned().collect();
                write!(formatter, " {} |", seen.join(" or "))?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}
