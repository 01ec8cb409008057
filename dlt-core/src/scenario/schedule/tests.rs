//! Schedules against written-out instants, and against another cron library.

use super::*;
use croner::parser::CronParser;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(expression: &str, zone: &str) -> Schedule {
    Schedule::parse(&Fields {
        cron: expression,
        zone,
        ..Fields::default()
    })
    .unwrap()
}

fn next(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    std::iter::successors(schedule.next_after(at(after)), |last| {
        schedule.next_after(last.timestamp())
    })
    .take(count)
    .map(|next| next.timestamp().to_string())
    .collect()
}

#[test]
fn cron_skips_a_lost_hour_and_fires_once_in_a_repeated_one() {
    let nightly = cron("30 2 * * *", "Europe/Paris");
    assert_eq!(
        next(&nightly, "2026-03-27T12:00:00Z", 3),
        [
            "2026-03-28T01:30:00Z",
            "2026-03-30T00:30:00Z",
            "2026-03-31T00:30:00Z"
        ]
    );
    assert_eq!(
        next(&nightly, "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    // Asked in the middle of the repeated hour.
    assert_eq!(
        next(&nightly, "2026-10-25T01:10:00Z", 1),
        ["2026-10-26T01:30:00Z"]
    );
}

#[test]
fn both_changes_in_three_zones() {
    for (zone, expression, after, instants) in [
        // Put forward: 2:30 does not exist on the day of the change.
        (
            "America/New_York",
            "30 2 * * *",
            "2026-03-07T07:00:00Z",
            ["2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z"],
        ),
        (
            "Europe/Paris",
            "30 2 * * *",
            "2026-03-28T01:00:00Z",
            ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"],
        ),
        // Half an hour there: 2:15 does not exist, 2:45 does.
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-02T15:00:00Z",
            ["2026-10-02T15:45:00Z", "2026-10-04T15:15:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "45 2 * * *",
            "2026-10-02T15:00:00Z",
            ["2026-10-02T16:15:00Z", "2026-10-03T15:45:00Z"],
        ),
        // Put back: a repeated time counts the first time.
        (
            "America/New_York",
            "30 1 * * *",
            "2026-11-01T00:00:00Z",
            ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
        ),
        (
            "Europe/Paris",
            "30 2 * * *",
            "2026-10-25T00:00:00Z",
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2026-04-04T14:00:00Z",
            ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
        ),
    ] {
        assert_eq!(
            next(&cron(expression, zone), after, 2),
            instants,
            "{expression} {zone}"
        );
    }
}

#[test]
fn recurrences_keep_their_wall_clock_time() {
    let fields = Fields {
        date: "2026-03-27",
        time: "09:15",
        zone: "Europe/Paris",
        ..Fields::default()
    };
    let with = |recurrence| {
        Schedule::parse(&Fields {
            recurrence,
            ..fields
        })
        .unwrap()
    };
    assert_eq!(
        next(&with("daily"), "2026-03-28T00:00:00Z", 2),
        ["2026-03-28T08:15:00Z", "2026-03-29T07:15:00Z"]
    );
    assert_eq!(
        next(&with("biweekly"), "2026-03-28T00:00:00Z", 1),
        ["2026-04-10T07:15:00Z"]
    );
    let month_end = Schedule::parse(&Fields {
        date: "2026-01-31",
        recurrence: "monthly",
        ..fields
    })
    .unwrap();
    assert_eq!(
        next(&month_end, "2026-02-01T00:00:00Z", 3),
        [
            "2026-02-28T08:15:00Z",
            "2026-03-31T07:15:00Z",
            "2026-04-30T07:15:00Z"
        ]
    );
    assert_eq!(
        with("daily").next_run(at("2027-01-01T00:00:00Z")),
        "2027-01-01 09:15:00"
    );
}

#[test]
fn once_is_once_and_must_exist() {
    let fields = Fields {
        date: "2026-03-29",
        time: "03:30",
        zone: "Europe/Paris",
        ..Fields::default()
    };
    let once = Schedule::parse(&fields).unwrap();
    assert_eq!(
        next(&once, "2026-03-01T00:00:00Z", 5),
        ["2026-03-29T01:30:00Z"]
    );
    let faults = Schedule::parse(&Fields {
        time: "02:30",
        ..fields
    })
    .unwrap_err();
    assert_eq!(faults[0].path, "scheduleTime");
    assert!(
        faults[0].reason.contains("does not exist in Europe/Paris"),
        "{}",
        faults[0].reason
    );
}

#[test]
fn every_fault_is_told_with_its_path() {
    let told = |fields: Fields<'_>| -> Vec<String> {
        Schedule::parse(&fields)
            .unwrap_err()
            .into_iter()
            .map(|fault| fault.path)
            .collect()
    };
    assert_eq!(told(Fields::default()), ["scheduleDate", "scheduleTime"]);
    assert_eq!(
        told(Fields {
            date: "2026-02-30",
            time: "9:15",
            zone: "Mars/Base",
            recurrence: "hourly",
            ..Fields::default()
        }),
        [
            "scheduleTimezone",
            "scheduleDate",
            "scheduleTime",
            "recurrence"
        ]
    );
    assert_eq!(
        told(Fields {
            cron: "* * * * *",
            expiry: "soon",
            ..Fields::default()
        }),
        ["cronExpiryDate", "cronValue"]
    );
}

#[test]
fn the_contract_s_dialect_and_no_more() {
    for good in [
        "15 9 * * 1-5",
        "0 */6 * * *",
        "30 2 L * ?",
        "0 8 ? * MON#1",
        "5 08 1,15 JAN-mar ?",
        "0 0 ? * 5L",
        "0 0 ? * L",
        "0 1-5/2 */3 01,12 *",
    ] {
        assert!(Cron::parse(good).is_ok(), "{good}: {:?}", Cron::parse(good));
    }
    for bad in [
        "",
        "* * * * *",
        "60 * * * *",
        "5,10 * * * *",
        "0  9 * * *",
        "0 24 * * *",
        "0 9 0 * *",
        "0 9 01 * *",
        "0 9 32 * *",
        "0 9 * 13 *",
        "0 9 * * 7",
        "0 9 * * MON#6",
        "0 9 * * 1#1,2",
        "0 9 31 2 *",
        "0 9 30 FEB ?",
        "0 9 * *",
        "0 9 * * * *",
        "@daily",
    ] {
        assert!(Cron::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_last_day_of_december_is_one_too() {
    assert_eq!(
        next(&cron("0 0 L * *", "UTC"), "2024-11-01T00:00:00Z", 3),
        [
            "2024-11-30T00:00:00Z",
            "2024-12-31T00:00:00Z",
            "2025-01-31T00:00:00Z"
        ]
    );
    // Both day fields set: either fires.
    assert_eq!(
        next(&cron("0 0 15,L * MON", "UTC"), "2026-06-10T00:00:00Z", 4),
        [
            "2026-06-15T00:00:00Z",
            "2026-06-22T00:00:00Z",
            "2026-06-29T00:00:00Z",
            "2026-06-30T00:00:00Z"
        ]
    );
}

#[test]
fn expiry_includes_its_day() {
    let fields = Fields {
        cron: "0 23 * * *",
        zone: "Europe/Paris",
        expiry: "2026-05-02",
        ..Fields::default()
    };
    let schedule = Schedule::parse(&fields).unwrap();
    assert_eq!(
        next(&schedule, "2026-05-01T00:00:00Z", 5),
        ["2026-05-01T21:00:00Z", "2026-05-02T21:00:00Z"]
    );
    assert_eq!(schedule.next_run(at("2026-05-02T21:00:00Z")), "");
}

#[test]
fn runs_may_not_overlap() {
    assert_eq!(least_gap_s(11, 30, 300), 2 * 603 + 330);
    assert_eq!(
        cron("0 */6 * * *", "UTC").shortest_gap_s(at("2026-05-01T00:00:00Z")),
        Some(6 * 3600)
    );
}

fn expressions() -> impl Strategy<Value = String> {
    let hour = prop_oneof![
        (0u8..24).prop_map(|h| h.to_string()),
        (0u8..12, 12u8..24, 1u8..5).prop_map(|(from, to, step)| format!("{from}-{to}/{step}")),
        Just("*".to_owned()),
        (1u8..12).prop_map(|step| format!("*/{step}")),
    ];
    let day = prop_oneof![
        Just("*".to_owned()),
        Just("L".to_owned()),
        (1u8..29).prop_map(|d| d.to_string()),
        (1u8..15, 15u8..29).prop_map(|(from, to)| format!("{from}-{to}")),
    ];
    let month = prop_oneof![
        Just("*".to_owned()),
        (1u8..13).prop_map(|m| m.to_string()),
        Just("MAR,OCT-DEC".to_owned())
    ];
    let weekday = prop_oneof![
        Just("*".to_owned()),
        (0u8..7).prop_map(|d| d.to_string()),
        Just("MON-FRI".to_owned()),
        Just("TUE#2".to_owned()),
        Just("5L".to_owned()),
    ];
    // One of the two day fields stays open: with both set, cron dialects differ.
    (0u8..60, hour, day, month, weekday, any::<bool>()).prop_map(
        |(minute, hour, day, month, weekday, by_day)| match by_day {
            true => format!("{minute} {hour} {day} {month} *"),
            false => format!("{minute} {hour} * {month} {weekday}"),
        },
    )
}

proptest! {
    /// Another library, given UTC, names the same instants.
    #[test]
    fn croner_agrees(expression in expressions(), start in 1_700_000_000i64..1_900_000_000) {
        let ours = cron(&expression, "UTC");
        let theirs = CronParser::new().parse(&expression).unwrap();
        let mut now = Timestamp::from_second(start).unwrap();
        let mut other = chrono::DateTime::from_timestamp(start, 0).unwrap();
        for _ in 0..5 {
            other = theirs.find_next_occurrence(&other, false).unwrap();
            now = ours.next_after(now).unwrap().timestamp();
            prop_assert_eq!(now.as_second(), other.timestamp(), "{}", expression);
        }
    }

    /// In any zone occurrences rise, and each shows the wall-clock minute asked for.
    #[test]
    fn occurrences_rise_on_the_wall_clock(
        expression in expressions(),
        zone in prop::sample::select(vec!["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
        start in 1_700_000_000i64..1_900_000_000,
    ) {
        let schedule = cron(&expression, zone);
        let minute: i8 = expression.split(' ').next().unwrap().parse().unwrap();
        let mut now = Timestamp::from_second(start).unwrap();
        for _ in 0..20 {
            let next = schedule.next_after(now).unwrap();
            prop_assert!(next.timestamp() > now);
            prop_assert_eq!(next.minute(), minute);
            now = next.timestamp();
        }
    }
}
