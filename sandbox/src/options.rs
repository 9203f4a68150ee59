//! Command-line options.

use sandbox::Config;

/// Text of `--help`.
pub(crate) const HELP: &str = concat!(
    "\
A stand-in for the Calendly API and a token issuer on one port, for local runs and tests.

Usage: sandbox [--option value]...

  --listen ADDRESS      address and port to listen on (127.0.0.1:4010)
  --pat TOKEN           personal access token of the first Calendly user (sandbox-pat)
  --public-url URL      base URL of the issuer in tokens and metadata (http:// and the address)
  --audience NAME       audience of issued tokens (calendly-functions)
  --pages DIRECTORY     static files to serve first, index.html at / (none)
  --help                print this help

The Calendly API is at the root, the issuer under /issuer (user demo, password demo), and the controls
for faults and calls under /sandbox. GET /healthz responds with ok.

",
    include_str!("../CONTROLS.md")
);

/// A parsed command line.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Start(Box<Config>),
}

/// Parses the arguments that follow the program name.
///
/// # Errors
///
/// A message that names the invalid option.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut config = Config { listen: ([127, 0, 0, 1], 4010).into(), ..Config::default() };
    let mut arguments = arguments.into_iter();
    while let Some(option) = arguments.next() {
        if option == "--help" {
            return Ok(Command::Help);
        }
        let mut value = || arguments.next().ok_or_else(|| format!("{option} needs a value"));
        match option.as_str() {
            "--listen" => config.listen = value()?.parse().map_err(|error| format!("{option}: {error}"))?,
            "--pat" => {
                let pat = value()?;
                config.pats.iter_mut().take(1).for_each(|account| account.pat.clone_from(&pat));
            }
            "--public-url" => config.public_url = Some(value()?),
            "--audience" => config.audience = value()?,
            "--pages" => config.pages = Some(value()?.into()),
            _ => return Err(format!("{option} is not an option; see --help")),
        }
    }
    Ok(Command::Start(Box::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_set_the_configuration() {
        let line = "--listen 0.0.0.0:1 --pat p --public-url http://h:1 --audience a --pages d";
        let Ok(Command::Start(config)) = parse_line(line) else {
            panic!("{line}");
        };
        assert_eq!(config.listen.to_string(), "0.0.0.0:1");
        let pats: Vec<_> = config.pats.iter().map(|account| &*account.pat).collect();
        assert_eq!(pats, ["p", "kim-pat", "noor-pat"]);
        assert_eq!(config.public_url.as_deref(), Some("http://h:1"));
        assert_eq!((&*config.audience, config.pages), ("a", Some("d".into())));
    }

    #[test]
    fn errors_name_the_option() {
        for (line, expected) in [
            ("--listen here", "--listen"),
            ("--pat", "--pat needs a value"),
            ("--verbose", "--verbose is not an option"),
        ] {
            let error = parse_line(line).unwrap_err();
            assert!(error.starts_with(expected), "{line}: {error}");
        }
    }
}
