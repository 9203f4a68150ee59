//! The command line.

use chrono::{DateTime, Utc};

use sandbox::{Clock, Config};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
A Calendly stand-in and a token issuer on one port, for local runs and tests.

Usage: sandbox [--option value]...

  --listen ADDRESS      address and port to listen on (127.0.0.1:4010)
  --seed NUMBER         decides identifiers, dates and busy times (1)
  --now TIME            a fixed clock for Calendly, RFC 3339 (the machine's clock)
  --pat TOKEN           personal access token of the first Calendly user (sandbox-pat)
  --public-url URL      base URL by which the issuer names itself (http:// and the address)
  --audience NAME       audience of the tokens issued (calendly-functions)
  --scope SCOPES        scopes that the issuer grants, separated by spaces (calendly:read)
  --pages DIRECTORY     files to serve beside all this, index.html at / (none)
  --help                print this and stop

Calendly is at the root, the issuer under /issuer (user demo, password demo), faults, calls and
PATs are controlled under /sandbox, and /healthz answers ok.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Order {
    Help,
    Start(Box<Config>),
}

/// Reads the arguments that follow the program's name.
///
/// # Errors
///
/// A sentence that names the option and what is wrong with it.
pub(crate) fn read(arguments: impl IntoIterator<Item = String>) -> Result<Order, String> {
    let mut config = Config { listen: ([127, 0, 0, 1], 4010).into(), ..Config::default() };
    let mut arguments = arguments.into_iter();
    while let Some(option) = arguments.next() {
        if option == "--help" {
            return Ok(Order::Help);
        }
        let mut value = || arguments.next().ok_or_else(|| format!("{option} needs a value"));
        let wrong = |error: &dyn std::fmt::Display| format!("{option}: {error}");
        match option.as_str() {
            "--listen" => config.listen = value()?.parse().map_err(|error| wrong(&error))?,
            "--seed" => config.seed = value()?.parse().map_err(|error| wrong(&error))?,
            "--now" => {
                let moment: DateTime<Utc> = value()?.parse().map_err(|error| wrong(&error))?;
                config.clock = Clock::Fixed(moment);
            }
            "--pat" => {
                let pat = value()?;
                // That of the organization's owner; the colleagues keep theirs.
                config.pats.iter_mut().take(1).for_each(|account| account.pat.clone_from(&pat));
            }
            "--public-url" => config.public_url = Some(value()?),
            "--audience" => config.audience = value()?,
            "--scope" => config.scope = value()?,
            "--pages" => config.pages = Some(value()?.into()),
            _ => return Err(format!("{option} is not an option; see --help")),
        }
    }
    Ok(Order::Start(Box::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<Order, String> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_become_configuration() {
        let line = "--listen 0.0.0.0:1 --now 2026-12-01T00:00:00Z --pat p --public-url http://h:1";
        let Ok(Order::Start(config)) = read_line(line) else {
            panic!("{line}");
        };
        assert_eq!(config.listen.to_string(), "0.0.0.0:1");
        let moment = "2026-12-01T00:00:00Z".parse().unwrap();
        assert_eq!(config.clock, Clock::Fixed(moment));
        let pats: Vec<_> = config.pats.iter().map(|account| &*account.pat).collect();
        assert_eq!(pats, ["p", "kim-pat", "noor-pat"]);
        assert_eq!(config.public_url.as_deref(), Some("http://h:1"));
    }

    #[test]
    fn a_wrong_option_is_named() {
        for (line, named) in [
            ("--listen here", "--listen"),
            ("--seed", "--seed needs a value"),
            ("--now tomorrow", "--now"),
            ("--verbose", "--verbose is not an option"),
        ] {
            let error = read_line(line).unwrap_err();
            assert!(error.starts_with(named), "{line}: {error}");
        }
    }

    #[test]
    fn help_tells_of_every_option() {
        assert!(matches!(read_line("--help"), Ok(Order::Help)));
        for option in
            ["--listen", "--seed", "--now", "--pat", "--public-url", "--audience", "--scope", "--pages"]
        {
            assert!(HELP.contains(option), "{option}");
        }
    }
}
