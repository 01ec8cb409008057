//! The live block, the plain log, and the state behind them.

use super::{Live, fixtures, plain::PlainLog, screen};
use crate::line::Line;
use dlt_core::calls::live::LiveEvent;
use dlt_core::messages::runner_line::RunnerState;
use dlt_core::run::Status;

fn shown(lines: &[Line]) -> String {
    lines.iter().map(|line| line.render(false) + "\n").collect()
}

#[test]
fn block_of_an_open_run() {
    let live = fixtures::running(fixtures::open(), 6);
    insta::assert_snapshot!(shown(&screen::lines(&live, Some(6.2), 80)));
}

#[test]
fn block_of_a_closed_run_while_ramping_up() {
    let live = fixtures::running(fixtures::closed(), 3);
    insta::assert_snapshot!(shown(&screen::lines(&live, Some(3.1), 80)));
}

/// Until so many requests are made: how far that is, and when it may be over.
#[test]
fn progress_of_a_number_of_requests() {
    let line = |live: &Live| screen::lines(live, Some(6.2), 80)[1].render(false);
    let live = fixtures::running(fixtures::counted(), 6);
    insta::assert_snapshot!(shown(&screen::lines(&live, Some(6.2), 80)));
    let all = fixtures::running(fixtures::counted(), 10);
    let said = "100 %  2,000 of 2,000 requests, letting the last requests finish";
    assert!(line(&all).ends_with(said), "{}", line(&all));
    // More than were asked for: redirects are among them.
    let more = fixtures::running(fixtures::counted(), 11);
    assert!(
        line(&more).contains("6 s of at most 1 h"),
        "{}",
        line(&more)
    );
    let mut log = PlainLog::default();
    let begun = log.after_event(&Live::new(fixtures::counted()));
    let said = "in lo-home-1, lo-home-2, load of 2,000 requests for at most 1 h\n";
    assert!(shown(&begun).ends_with(said), "{}", shown(&begun));
}

#[test]
fn block_before_the_load() {
    let mut live = Live::new(fixtures::open());
    live.apply(fixtures::status(Status::Provisioning));
    insta::assert_snapshot!(shown(&screen::lines(&live, None, 80)));
}

#[test]
fn block_with_a_lost_runner_while_stopping() {
    let mut live = fixtures::running(fixtures::open(), 4);
    live.apply(LiveEvent::Tick(fixtures::tick(
        1,
        4,
        [RunnerState::Loading, RunnerState::Lost],
    )));
    live.stopping = true;
    insta::assert_snapshot!(shown(&screen::lines(&live, Some(5.0), 80)));
}

#[test]
fn times_name_their_requests_if_many_failed() {
    let mut live = Live::new(fixtures::open());
    let mut plain = PlainLog::default();
    live.apply(fixtures::status(Status::Running));
    let mut log = plain.after_event(&live);
    for second in 0..12 {
        for region in 1..=2 {
            live.apply(LiveEvent::Tick(fixtures::many_failures(region, second)));
            log.extend(plain.after_event(&live));
        }
    }
    let block = screen::lines(&live, Some(6.2), 80);
    insta::assert_snapshot!(shown(&block) + "\n" + &shown(&log));
}

#[test]
fn block_is_never_wider_than_the_terminal() {
    let live = fixtures::running(fixtures::open(), 60);
    for width in 1..100 {
        for line in screen::lines(&live, Some(6.2), width) {
            assert!(line.width() <= width, "{width}: {}", line.render(false));
        }
    }
}

#[test]
fn regions_add_up_and_a_silent_region_does_not_stop_the_clock() {
    let mut live = fixtures::running(fixtures::open(), 5);
    assert_eq!(live.newest(), Some(4));
    assert_eq!(live.users(), 14);
    assert_eq!(live.rate(), Some((200.0, Some(200.0))));
    assert_eq!(live.total.sent, 1_000);
    assert_eq!(live.causes(), [("status-5xx".to_owned(), 10)]);
    for second in 5..20 {
        live.apply(LiveEvent::Tick(fixtures::tick(
            1,
            second,
            [RunnerState::Loading; 2],
        )));
    }
    assert_eq!(live.newest(), Some(17));
    assert_eq!(live.sent_by_second(3), [100, 100, 100]);
    // A late tick is counted, but does not set the region's second back.
    live.apply(LiveEvent::Tick(fixtures::tick(
        1,
        6,
        [RunnerState::Lagging; 2],
    )));
    assert_eq!(live.newest(), Some(17));
    assert_eq!(live.in_state(RunnerState::Loading).len(), 4);
}

#[test]
fn runners_without_a_leader_have_their_own_states() {
    let mut live = fixtures::running(fixtures::open(), 5);
    for second in 5..12 {
        // Only the second runner of the first region sends ticks, of its own.
        let mut tick = fixtures::tick(1, second, [RunnerState::Loading; 2]);
        tick.runners.remove(0);
        live.apply(LiveEvent::Tick(tick));
        live.apply(LiveEvent::Tick(fixtures::tick(
            2,
            second,
            [RunnerState::Loading; 2],
        )));
    }
    assert_eq!(live.in_state(RunnerState::Loading).len(), 3);
    let warning = live.trust_warning();
    assert_eq!(warning.as_deref(), Some("silent: lo-home-1-1"));
    let note = "runner lo-home-1-1 was lost: killed by signal 9".to_owned();
    assert_eq!(
        live.apply(LiveEvent::Note(note.clone())).as_ref(),
        Some(&note)
    );
    assert_eq!(live.trust_warning(), Some(note));
}

#[test]
fn memory_is_limited_in_a_long_run() {
    let live = fixtures::running(fixtures::open(), 5_000);
    assert!(live.seconds.len() <= super::KEPT_SECONDS);
    assert_eq!(live.total.sent, 1_000_000);
}

#[test]
fn plain_log_has_a_line_every_ten_seconds() {
    let mut live = Live::new(fixtures::open());
    let mut plain = PlainLog::default();
    let mut log = plain.after_event(&live);
    let mut apply = |live: &mut Live, event| {
        live.apply(event);
        log.extend(plain.after_event(live));
    };
    apply(&mut live, fixtures::status(Status::Provisioning));
    apply(&mut live, fixtures::status(Status::Running));
    for second in 0..25 {
        for region in 1..=2 {
            let tick = fixtures::tick(region, second, [RunnerState::Loading; 2]);
            apply(&mut live, LiveEvent::Tick(tick));
        }
    }
    apply(&mut live, fixtures::status(Status::ParsingResults));
    insta::assert_snapshot!(shown(&log));
}

#[test]
fn sparkline_spans_its_heights() {
    assert_eq!(screen::sparkline(&[0, 1, 4, 7]), "▁▂▅█");
    assert_eq!(screen::sparkline(&[0, 0]), "▁▁");
    assert_eq!(screen::sparkline(&[]), "");
}

/// The first screen, the live one from its begin to its last frame, and that of a watched
/// run, as a terminal of each width shows them: its last column stays empty.
#[test]
fn captures() {
    let mut first = Live::new(fixtures::open());
    first.apply(fixtures::status(Status::Provisioning));
    let mut watched = fixtures::running(fixtures::closed(), 3);
    watched.interrupt_leaves = true;
    let ended = fixtures::running(fixtures::open(), 10);
    let mut lost = fixtures::running(fixtures::open(), 4);
    let states = [RunnerState::Loading, RunnerState::Lost];
    lost.apply(LiveEvent::Tick(fixtures::tick(1, 4, states)));
    let adding_up = {
        let mut live = fixtures::running(fixtures::open(), 10);
        live.apply(fixtures::status(Status::ParsingResults));
        live
    };
    for (name, live, elapsed) in [
        ("captured_first_screen", &first, None),
        (
            "captured_live",
            &fixtures::running(fixtures::open(), 6),
            Some(6.2),
        ),
        ("captured_live_lost", &lost, Some(5.0)),
        ("captured_watch", &watched, Some(3.1)),
        ("captured_last_frame", &ended, Some(10.3)),
        ("captured_adding_up", &adding_up, Some(11.0)),
    ] {
        let draw = |width| screen::lines(live, elapsed, width - 1);
        insta::assert_snapshot!(name, crate::line::captured(draw));
    }
}

/// Whatever is said beside it, the bar is as long in one frame as in the next, and nothing
/// of the last frame is cut.
#[test]
fn the_bar_keeps_its_length_to_the_last_frame() {
    for (width, columns) in [(79, 26), (139, 80)] {
        for elapsed in [0.0, 3.0, 9.9, 10.0, 12.0] {
            let live = fixtures::running(fixtures::open(), 10);
            let lines = screen::lines(&live, Some(elapsed), width);
            let shown = lines[1].render(false);
            let bar = shown.chars().filter(|sign| "━╌".contains(*sign)).count();
            assert_eq!(bar, columns, "{shown}");
            assert!(!shown.contains('…'), "{shown}");
        }
    }
}
