//! The cells of the bench: what kind of system, how long, how hard, and which part
//! of a run is looked at.

use crate::system::{CALM, Plan, System};

/// The part of a run whose intervals are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The whole run.
    Total,
    /// One of three labels.
    Label,
    /// One of two regions.
    Region,
}

/// A kind of run that is repeated.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// Its name in the table.
    pub name: &'static str,
    /// Which part.
    pub of: Of,
    /// Length, s.
    pub seconds: u64,
    /// Requests per second of that part.
    pub per_second: f64,
    /// The base's system.
    pub base: System,
    /// The candidate's.
    pub candidate: System,
}

/// Seconds are alike to their neighbours; in runs of 15 s less so, for what lasts
/// a quarter of a run cannot be told from a change.
const fn wandering(memory: f64) -> System {
    System {
        wander: 0.05,
        memory,
        ..CALM
    }
}

const BIMODAL: System = System {
    slow: (0.2, 4.0),
    ..CALM
};

/// One in fifty requests fails.
const FAILING: System = System {
    failures: 0.02,
    ..CALM
};

/// Failures in bursts of two seconds.
const BURSTS: System = System {
    failures: 0.01,
    bursts: (0.2, 2.0, 0.2),
    ..CALM
};

const fn cell(name: &'static str, of: Of, seconds: u64, per_second: f64, base: System) -> Cell {
    Cell {
        name,
        of,
        seconds,
        per_second,
        base,
        candidate: base,
    }
}

impl Cell {
    const fn against(self, candidate: System) -> Self {
        Self { candidate, ..self }
    }

    /// Whether both runs are of one system.
    pub fn is_same(&self) -> bool {
        self.base.median_us == self.candidate.median_us
            && self.base.failures == self.candidate.failures
            && self.base.bursts == self.candidate.bursts
    }

    /// The plan of a run of one of its systems.
    pub fn plan(&self, system: System) -> Plan<'static> {
        let (labels, regions) = match self.of {
            Of::Total => (vec![("home", system, self.per_second)], vec!["lo-home-1"]),
            Of::Label => (
                ["home", "search", "pay"]
                    .map(|name| (name, system, self.per_second))
                    .to_vec(),
                vec!["lo-home-1"],
            ),
            Of::Region => (
                vec![("home", system, self.per_second)],
                vec!["lo-home-1", "lo-home-2"],
            ),
        };
        Plan {
            seconds: self.seconds,
            labels,
            regions,
            outage: (0, 0, 0.0),
        }
    }
}

/// The grid.
pub const GRID: [Cell; 24] = [
    cell("lognormal", Of::Total, 15, 5.0, CALM),
    cell("lognormal", Of::Total, 15, 100.0, CALM),
    cell("lognormal, 5 % slower", Of::Total, 59, 100.0, CALM).against(CALM.slower(1.05)),
    cell("lognormal", Of::Total, 300, 5.0, CALM),
    cell("lognormal", Of::Total, 300, 2_000.0, CALM),
    // Lengths that are not the same number of seconds for each part of a run.
    cell("lognormal", Of::Label, 45, 20.0, CALM),
    cell("lognormal", Of::Region, 15, 50.0, CALM),
    cell("bimodal", Of::Total, 15, 50.0, BIMODAL),
    cell("bimodal, 10 % slower", Of::Total, 60, 20.0, BIMODAL).against(BIMODAL.slower(1.1)),
    cell("bimodal", Of::Label, 300, 20.0, BIMODAL),
    cell("bimodal", Of::Region, 31, 500.0, BIMODAL),
    cell("autocorrelated", Of::Total, 15, 100.0, wandering(0.5)),
    cell("autocorrelated", Of::Total, 30, 50.0, wandering(0.5)),
    cell(
        "autocorrelated, 5 % slower",
        Of::Total,
        60,
        100.0,
        wandering(0.7),
    )
    .against(wandering(0.7).slower(1.05)),
    cell("autocorrelated", Of::Total, 300, 2_000.0, wandering(0.8)),
    cell("autocorrelated", Of::Label, 120, 20.0, wandering(0.8)),
    cell(
        "autocorrelated, 2 % failing",
        Of::Region,
        100,
        100.0,
        System {
            failures: 0.02,
            ..wandering(0.7)
        },
    ),
    cell("2 % failing", Of::Total, 15, 50.0, FAILING),
    cell("2 % failing, then 5 %", Of::Total, 60, 20.0, FAILING).against(System {
        failures: 0.05,
        ..CALM
    }),
    cell("2 % failing", Of::Label, 60, 5.0, FAILING),
    cell("2 % failing", Of::Region, 120, 100.0, FAILING),
    cell("bursts of failures", Of::Total, 60, 100.0, BURSTS),
    cell(
        "bursts of failures, then longer",
        Of::Total,
        120,
        20.0,
        BURSTS,
    )
    .against(System {
        bursts: (0.3, 3.0, 0.2),
        ..BURSTS
    }),
    cell("bursts of failures", Of::Label, 300, 20.0, BURSTS),
];
