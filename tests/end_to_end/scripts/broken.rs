//! Scripts and tools that break: each ends by itself, with a sentence that says what is wrong and what
//! the tool said last, and with nothing left running.

use super::{TOOLS, home, written};
use dlt_tests::behaviour::ok;
use dlt_tests::command::{Ended, Home};
use dlt_tests::patience::{alone, until};
use dlt_tests::processes::{Signal, signal, tools};
use dlt_tests::target::everywhere;
use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A file, further arguments, the exit code, and what is said.
type Broken<'a> = (&'a str, Vec<u8>, &'a [&'a str], i32, &'a [&'a str]);

#[track_caller]
fn ends(home: &Home, (name, bytes, args, code, said): &Broken<'_>) -> Ended {
    let file = home.file(name, bytes);
    let all = [&["run", file.to_str().unwrap()], *args].concat();
    let ended = home.run(TOOLS, all);
    ended.expect_code(*code);
    home.assert_no_process_left();
    assert!(tools(home.path()).is_empty(), "{name}");
    // Screens fold long lines.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = words(&format!("{} {}", ended.stdout, ended.stderr));
    for text in *said {
        assert!(
            told.contains(text),
            "{name}: {text:?} is not said\n{}",
            ended.told()
        );
    }
    ended
}

const DEFAULT: &str = "export default function () {}";
const LOAD: &[&str] = &["-c", "1", "-d", "2s"];

/// What is seen before anything begins.
#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn what_is_no_script_is_refused_at_once() {
    let home = home();
    let corrupt = zipped(&[("a.js", DEFAULT)])[..40].to_vec();
    let two = zipped(&[("a.js", DEFAULT), ("b.js", DEFAULT)]);
    let no_group = written::jmx_without_group();
    let cases: [Broken<'_>; 7] = [
        ("cut.zip", corrupt, &[], 2, &["cut.zip", "holds no script"]),
        (
            "none.zip",
            zipped(&[("readme.md", "")]),
            &[],
            2,
            &["holds no script of one tool"],
        ),
        (
            "two.zip",
            two,
            &[],
            2,
            &["several scripts (a.js, b.js)", "entry"],
        ),
        (
            "out.zip",
            zipped(&[("../a.js", DEFAULT)]),
            &[],
            2,
            &["out.zip"],
        ),
        (
            "cut.jmx",
            b"<jmeterTestPlan><hashTree>".to_vec(),
            &[],
            2,
            &["it ends in the middle"],
        ),
        (
            "html.jmx",
            b"<html></html>".to_vec(),
            &[],
            2,
            &["its root is html"],
        ),
        (
            "idle.jmx",
            no_group.into_bytes(),
            &[],
            2,
            &["no enabled thread group"],
        ),
    ];
    for case in &cases {
        ends(&home, case);
    }
    let nowhere = Home::new().with(&[("PATH", "/nowhere")]);
    let file = nowhere.file("a.js", DEFAULT);
    let ended = nowhere.run(TOOLS, ["run", file.to_str().unwrap()]);
    ended.expect_code(3);
    assert!(
        ended.told().contains("k6 is not on the PATH"),
        "{}",
        ended.told()
    );
}

/// Name, text, whether a load is asked for, exit code, what is said. `URL` is a target; a text of
/// Python that begins with `USER` is what a user does after its request.
const BREAKS: [(&str, &str, bool, i32, &[&str]); 13] = [
    (
        "syntax.js",
        "export default function () { let = ; }",
        false,
        3,
        &["syntax.js", "cannot be read by k6"],
    ),
    (
        "module.js",
        "import x from './none.js'; export default function () {}",
        false,
        3,
        &["none.js"],
    ),
    (
        "init.js",
        "throw new Error('no such day'); export default function () {}",
        false,
        3,
        &["no such day"],
    ),
    (
        "none.js",
        "export const options = { vus: 1, iterations: 1 };",
        true,
        3,
        &["none.js", "cannot be read by k6"],
    ),
    (
        "idle.js",
        "export default function () {}",
        false,
        3,
        &["without a single request"],
    ),
    (
        "abort.js",
        "export default function () { http.get('URL'); exec.test.abort('enough of it'); }",
        false,
        5,
        &["exit code 108", "enough of it"],
    ),
    (
        "threshold.js",
        "export const options = { thresholds: { http_req_duration: ['max<0.0001'] } };\nexport default function () { http.get('URL'); }",
        false,
        1,
        &[
            "hresholds of the script itself were crossed",
            "http_req_duration",
        ],
    ),
    (
        "syntax.py",
        "class U(HttpUser:\n    pass\n",
        false,
        3,
        &["syntax.py", "cannot be read by Locust"],
    ),
    (
        "import.py",
        "raise RuntimeError('no such month')\n",
        true,
        3,
        &["no such month"],
    ),
    ("nobody.py", "x = 1\n", true, 3, &["No User class found"]),
    ("shapeless.py", "USER pass", false, 3, &["no LoadTestShape"]),
    ("dies.py", "USER os._exit(9)", true, 3, &["exit code 9"]),
    (
        "huge.py",
        "f = open('big', 'wb')\nf.seek(1 << 30)\nf.write(b'x')\nf.flush()\n",
        true,
        3,
        &["File too large"],
    ),
];

/// A text of the table as a script.
fn script(name: &str, text: &str, url: &str) -> Vec<u8> {
    let text = text.replace("URL", url);
    let script = match (name.ends_with(".js"), text.strip_prefix("USER ")) {
        (true, _) => {
            format!("import http from 'k6/http';\nimport exec from 'k6/execution';\n{text}")
        }
        (false, Some(act)) => format!(
            "import os\nfrom locust import HttpUser, constant, task\nclass U(HttpUser):\n    host = {url:?}\n    wait_time = constant(0.01)\n    @task\n    def one(self):\n        self.client.get('/')\n        {act}\n"
        ),
        (false, None) => format!("import os\nfrom locust import HttpUser, task\n{text}"),
    };
    script.into_bytes()
}

/// What the tool itself says, before and under load.
#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn what_breaks_in_a_tool_is_told_with_its_last_lines() {
    let _alone = alone();
    let home = home();
    let target = everywhere(ok());
    let url = target.url("/");
    for (name, text, has_load, code, said) in BREAKS {
        let args = if has_load { LOAD } else { &[] };
        ends(&home, &(name, script(name, text, &url), args, code, said));
    }
    let plugin = written::jmx_with(
        "<com.none.Sampler testclass=\"com.none.Sampler\" testname=\"x\"/><hashTree/>",
    );
    let plugin: Broken<'_> = (
        "plugin.jmx",
        plugin.into_bytes(),
        &[],
        3,
        &["com.none.Sampler"],
    );
    ends(&home, &plugin);
    let ultimate = written::jmx_with_group("kg.apc.jmeter.threads.UltimateThreadGroup");
    let said: &[&str] = &["UltimateThreadGroup", "leave users"];
    ends(
        &home,
        &("ultimate.jmx", ultimate.into_bytes(), LOAD, 3, said),
    );
}

/// The others of a run go on; what one measured before it died is kept.
#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn one_runner_s_tool_may_die() {
    let _alone = alone();
    let home = home();
    let target = everywhere(ok());
    let act = "USER os._exit(9) if os.environ['DLT_RUNNER_INDEX'] == '1' else None";
    let dies = script("dies.py", act, &target.url("/"));
    let args: &[&str] = &["-c", "2", "-d", "3s", "--tasks", "2", "--json"];
    let ended = ends(&home, &("dies.py", dies, args, 5, &["exit code 9"]));
    let account = crate::common::account(&ended.record());
    assert!(account.ok > 20, "{}", ended.told());
}

/// What does not end by itself is ended.
#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn what_does_not_end_is_ended() {
    let _alone = alone();
    let home = home();
    let endless = b"for (;;) {} export default function () {}".to_vec();
    ends(
        &home,
        &("loop.js", endless, &[], 3, &["was not read by k6 in 20 s"]),
    );
    let at_import = b"while True: pass\n".to_vec();
    ends(
        &home,
        &(
            "loop.py",
            at_import,
            LOAD,
            3,
            &["was not ready", "made no load"],
        ),
    );
}

/// A tool that is killed, and a command that is.
#[test]
#[ignore = "needs the tools: run by cargo xtask test"]
fn a_kill_leaves_nothing_behind() {
    let _alone = alone();
    for what in ["tool", "command"] {
        let home = home();
        let target = everywhere(ok());
        let text = (written::K6.endless)(&target.url(""), "");
        let file = home.file("shop.js", text);
        let running = home.start(["run", file.to_str().unwrap(), "-c", "2", "-d", "30s"]);
        until("the load is under way", TOOLS, || {
            (target.log.count() > 500).then_some(())
        });
        let found = tools(home.path());
        assert_eq!(found.len(), 1, "{found:?}");
        if what == "command" {
            running.kill();
        } else {
            signal(found[0], Signal::Kill);
            let ended = running.wait(TOOLS);
            ended.expect_code(5);
            assert!(ended.told().contains("signal 9"), "{}", ended.told());
        }
        until("nothing is left", TOOLS, || {
            tools(home.path()).is_empty().then_some(())
        });
        home.assert_no_process_left();
    }
}
