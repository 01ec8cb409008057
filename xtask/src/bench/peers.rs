//! `bench peers`: CPU per request of 50 users next to k6, JMeter and oha, whose start and end count for
//! little when they are warm (`steady`). None writes its samples anywhere; k6 and JMeter are told
//! nothing that they need not do.

use super::depot::Load;
use super::machine::Others;
use super::measured::Measured;
use super::nginx::Nginx;
use super::steady::{Costs, Steady};
use super::table::{Line, Section};
use super::tools::{GENERATOR_CORE, PATIENCE_S, pinned, single, worker_by};
use super::{How, install, interleaved, paired};
use crate::engines;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

const USERS: u64 = 50;
/// Memory of the Java machine, as JMeter's own start script gives it.
const JVM: [&str; 3] = ["-Xms1g", "-Xmx1g", "-XX:MaxMetaspaceSize=256m"];

/// What `bench peers` measures.
#[derive(Debug, clap::Args)]
pub struct Peers {
    #[command(flatten)]
    pub how: How,
    /// Seconds of load before those that count.
    #[arg(long, default_value_t = 10)]
    pub warm_up: u64,
}

/// What makes the load.
#[derive(Debug)]
enum Tool {
    Dlt(PathBuf),
    K6(PathBuf),
    /// Its folder.
    JMeter(PathBuf),
    Oha(PathBuf),
}

impl Tool {
    fn name(&self) -> &'static str {
        match self {
            Self::Dlt(_) => "dlt worker",
            Self::K6(_) => "k6",
            Self::JMeter(_) => "JMeter",
            Self::Oha(_) => "oha",
        }
    }

    /// The most that dlt may take when all are warm, as a share of this one's.
    fn goal(&self) -> Option<f64> {
        match self {
            Self::K6(_) => Some(0.08),
            Self::JMeter(_) => Some(0.07),
            Self::Dlt(_) | Self::Oha(_) => None,
        }
    }

    fn run(&self, steady: Steady<'_>, folder: &Path) -> Result<Costs> {
        let (url, seconds) = (steady.nginx.url(), steady.load_s());
        let patience_s = seconds + PATIENCE_S;
        let costs = match self {
            Self::Dlt(dlt) => run_dlt(dlt, steady)?,
            Self::K6(k6) => steady.run(command_of_k6(k6, &url, seconds, folder)?, patience_s)?,
            Self::JMeter(home) => {
                steady.run(command_of_jmeter(home, &url, seconds, folder)?, patience_s)?
            }
            Self::Oha(oha) => {
                let mut command = pinned(oha);
                command.args(["--no-tui", "-c", &USERS.to_string()]);
                command.args(["-z", &format!("{seconds}s"), &url]);
                steady.run(command, patience_s)?
            }
        };
        print!("{}", self.line(&costs));
        Ok(costs)
    }

    fn line(&self, costs: &Costs) -> String {
        format!(
            "| {} | {USERS} | {} | {:.2} | {:.2} | {:.2} | {:.1} |\n",
            self.name(),
            costs.requests,
            costs.measured.cpu_us as f64 / 1e6,
            costs.whole_us(),
            costs.steady_us,
            costs.measured.max_rss_bytes as f64 / 1e6,
        )
    }
}

/// Measures all tools that are to be had, in rounds.
pub fn peers(what: &Peers) -> Result<Section> {
    let dlt = what.how.prepare(&["nginx", "taskset"])?;
    let engines = engines::folder()?;
    let mut tools = vec![
        Tool::Dlt(dlt),
        Tool::K6(engines.join("bin").join("k6")),
        Tool::JMeter(engines.join("jmeter")),
    ];
    let mut without = String::new();
    match install::oha() {
        Ok(oha) => tools.push(Tool::Oha(oha)),
        Err(why) => without = format!("; oha was not measured: {why:#}"),
    }
    let folder = std::env::temp_dir().join(format!("dlt-bench-peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (nginx, others) = (Nginx::start(false)?, Others::since_now());
    let steady = Steady {
        nginx: &nginx,
        warm_up_s: what.warm_up,
        seconds: what.how.seconds,
    };
    let rounds = interleaved(what.how.pairs, tools.len(), |tool| {
        tools[tool].run(steady, &folder)
    });
    let _ = std::fs::remove_dir_all(&folder);
    let rounds = rounds?;
    let mut compared = Vec::new();
    for (at, tool) in tools.iter().enumerate().skip(1) {
        let name = tool.name();
        compared.push(Line::ratio(
            format!("CPU per request, {USERS} users, to warm {name}"),
            paired(&rounds, 0, at, |costs| costs.steady_us),
            tool.goal(),
        ));
        compared.push(Line::ratio(
            format!("the same with start and end of the processes, to {name}"),
            paired(&rounds, 0, at, Costs::whole_us),
            None,
        ));
    }
    let mut rows = String::from(
        "| tool | users | requests | CPU s | CPU µs per request | of it when warm | peak RSS MB |\n|---|---|---|---|---|---|---|\n",
    );
    for round in &rounds {
        rows.extend(
            tools
                .iter()
                .zip(round)
                .map(|(tool, costs)| tool.line(costs)),
        );
    }
    let how = format!(
        "nginx with one worker on core 0, a 66-byte answer, which counts the requests; generators on core {GENERATOR_CORE},\n\
         interleaved. Warm: {} s of load after the first {} s, CPU of the process from proc(5); dlt is counted the same way. k6 with its\n\
         summary, JMeter without listeners and with kept connections{without}",
        what.how.seconds, what.warm_up
    );
    Ok(Section::new(
        "k6, JMeter, oha",
        &how,
        &others,
        compared,
        rows,
    ))
}

/// A worker; its report says that no request failed.
fn run_dlt(dlt: &Path, steady: Steady<'_>) -> Result<Costs> {
    let scenario = single(&steady.nginx.url());
    let mut seen = None;
    worker_by(
        (dlt, &scenario),
        Load::Users(USERS),
        steady.load_s(),
        |command, patience_s| {
            let mut costs = steady.run(command, patience_s)?;
            let told: (Measured, String) = (costs.measured, std::mem::take(&mut costs.stdout));
            seen = Some(costs);
            Ok(told)
        },
    )?;
    seen.ok_or_else(|| anyhow::anyhow!("the worker was not run"))
}

fn command_of_k6(k6: &Path, url: &str, seconds: u64, folder: &Path) -> Result<Command> {
    let script = folder.join("one.js");
    std::fs::write(
        &script,
        format!(
            "import http from 'k6/http';\nexport default function () {{ http.get('{url}'); }}\n"
        ),
    )?;
    let mut command = pinned(k6);
    // Its own API is not asked here.
    command.args(["run", "--quiet", "--no-usage-report", "--address", ""]);
    command.args(["--vus", &USERS.to_string()]);
    command.args(["--duration", &format!("{seconds}s")]);
    command.arg(script);
    Ok(command)
}

fn command_of_jmeter(home: &Path, url: &str, seconds: u64, folder: &Path) -> Result<Command> {
    let plan = folder.join("one.jmx");
    std::fs::write(&plan, plan_of_jmeter(url, seconds))?;
    let mut command = pinned(Path::new("java"));
    command.args(JVM).arg("-Djava.awt.headless=true");
    command
        .arg("-jar")
        .arg(home.join("bin").join("ApacheJMeter.jar"));
    // Connections are kept from one iteration to the next, as all others do.
    command.args([
        "-n",
        "-Jhttpclient.reset_state_on_thread_group_iteration=false",
    ]);
    command.arg("-t").arg(plan);
    command.arg("-j").arg(folder.join("jmeter.log"));
    Ok(command)
}

/// A test plan of users who ask for `url` for so long.
fn plan_of_jmeter(url: &str, seconds: u64) -> String {
    let text =
        |name: &str, value: &str| format!("<stringProp name=\"{name}\">{value}</stringProp>");
    let group = [
        text("ThreadGroup.num_threads", &USERS.to_string()),
        text("ThreadGroup.ramp_time", "0"),
        text("ThreadGroup.duration", &seconds.to_string()),
        text("ThreadGroup.on_sample_error", "continue"),
    ]
    .concat();
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let (host, port) = host.split_once(':').unwrap_or((host, "80"));
    let sampler = [
        text("HTTPSampler.domain", host),
        text("HTTPSampler.port", port),
        text("HTTPSampler.protocol", "http"),
        text("HTTPSampler.path", "/"),
        text("HTTPSampler.method", "GET"),
    ]
    .concat();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<jmeterTestPlan version="1.2" properties="5.0" jmeter="5.5"><hashTree>
<TestPlan guiclass="TestPlanGui" testclass="TestPlan" testname="one"/><hashTree>
<ThreadGroup guiclass="ThreadGroupGui" testclass="ThreadGroup" testname="users">{group}
<boolProp name="ThreadGroup.scheduler">true</boolProp><boolProp name="ThreadGroup.same_user_on_next_iteration">true</boolProp>
<elementProp name="ThreadGroup.main_controller" elementType="LoopController" guiclass="LoopControlPanel" testclass="LoopController"><intProp name="LoopController.loops">-1</intProp></elementProp>
</ThreadGroup><hashTree>
<HTTPSamplerProxy guiclass="HttpTestSampleGui" testclass="HTTPSamplerProxy" testname="one">{sampler}
<boolProp name="HTTPSampler.use_keepalive">true</boolProp>
<elementProp name="HTTPsampler.Arguments" elementType="Arguments" guiclass="HTTPArgumentsPanel" testclass="Arguments"><collectionProp name="Arguments.arguments"/></elementProp>
</HTTPSamplerProxy><hashTree/>
</hashTree></hashTree></hashTree></jmeterTestPlan>
"#
    )
}
