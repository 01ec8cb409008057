//! The scripts: each with 20 labels whose names are hostile to any format, and odd paths.

/// Users of a script, and rounds of each.
pub(super) const USERS: u64 = 2;
pub(super) const ROUNDS: u64 = 5;

/// A script of a tool, written for a target and for an address where nothing listens.
pub(super) struct Written {
    /// The tool as the record names it.
    pub tool: &'static str,
    pub file: &'static str,
    /// With its own load.
    pub text: fn(&str, &str) -> String,
    /// Without an end, and without failures.
    pub endless: fn(&str, &str) -> String,
    /// The label of a name.
    pub label: fn(&str) -> String,
}

/// Names that break a reader that is not careful.
pub(super) struct HostileLabels;

impl HostileLabels {
    /// Each with its path.
    pub fn all() -> Vec<(String, String)> {
        let odd = [
            "a, b",
            "say \"hi\"",
            "it's; here",
            "tab\tbed",
            "sëven €",
            "<img src=x>",
            "a=b&c=d",
            "100 %",
            "[x]{y}",
            "#1 / $2",
        ];
        let name = |n: usize| {
            odd.get(n)
                .map_or_else(|| format!("page {n}"), ToString::to_string)
        };
        (0..20).map(|n| (name(n), format!("/ok/{n}"))).collect()
    }
}

const ODD: [&str; 5] = ["part", "gone", "busy", "moved", "big"];

fn requests(target: &str, refused: &str) -> Vec<(String, String)> {
    let fixed = HostileLabels::all();
    let mut all: Vec<(String, String)> = fixed
        .into_iter()
        .map(|(name, path)| (name, format!("{target}{path}")))
        .collect();
    all.extend(ODD.map(|name| (name.to_owned(), format!("{target}/{name}"))));
    all.push(("refused".to_owned(), format!("http://{refused}/")));
    all
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

pub(super) const K6: Written = Written {
    tool: "k6 1.1.0",
    file: "shop.js",
    text: |target, refused| {
        format!(
            "import http from 'k6/http';\n\
             export const options = {{ scenarios: {{ all: {{ executor: 'per-vu-iterations', vus: {USERS}, iterations: {ROUNDS} }} }} }};\n\
             const all = {};\n\
             export default function () {{ for (const [name, url] of all) http.get(url, {{ tags: {{ name }} }}); }}\n\
             export function handleSummary(data) {{ return {{ 'OWN/own.json': JSON.stringify(data.metrics.http_req_duration.values) }}; }}\n",
            json(&requests(target, refused))
        )
    },
    endless: |target, _| {
        format!(
            "import http from 'k6/http';\nimport {{ sleep }} from 'k6';\n\
             export default function () {{ http.get('{target}/ok/3', {{ tags: {{ name: 'three' }} }}); sleep(0.01); }}\n"
        )
    },
    label: str::to_owned,
};

pub(super) const LOCUST: Written = Written {
    tool: "Locust 2.47.0",
    file: "shop.py",
    text: |target, refused| {
        format!(
            "import json\nfrom locust import HttpUser, LoadTestShape, constant, events, task\n\
             own = open('OWN/own.txt', 'w')\nrounds = [0]\n\
             @events.request.add_listener\n\
             def note(response_time, **_):\n    own.write(f'{{response_time}}\\n')\n\
             @events.quitting.add_listener\n\
             def done(**_):\n    own.close()\n\
             class Shape(LoadTestShape):\n    def tick(self):\n        return None if rounds[0] >= {all} else ({USERS}, {USERS})\n\
             class Shop(HttpUser):\n    host = {target:?}\n    wait_time = constant(0)\n    mine = 0\n\
             \x20   @task\n    def all(self):\n\
             \x20       if self.mine >= {ROUNDS}:\n            self.stop()\n            return\n\
             \x20       self.mine += 1\n\
             \x20       for name, url in json.loads({requests}):\n            self.client.get(url, name=name)\n\
             \x20       rounds[0] += 1\n",
            all = USERS * ROUNDS,
            requests = json(&json(&requests(target, refused))),
        )
    },
    endless: |target, _| {
        format!(
            "from locust import HttpUser, constant, task\n\
             class Shop(HttpUser):\n    host = {target:?}\n    wait_time = constant(0.01)\n\
             \x20   @task\n    def one(self):\n        self.client.get('/ok/3', name='three')\n"
        )
    },
    label: |name| format!("GET {name}"),
};

pub(super) const JMETER: Written = Written {
    tool: "JMeter 5.5",
    file: "shop.jmx",
    text: |target, refused| {
        let samplers: String = requests(target, refused)
            .iter()
            .map(|(name, url)| sampler(name, url))
            .collect();
        jmx(
            &USERS.to_string(),
            &ROUNDS.to_string(),
            &format!("{samplers}{LISTENER}"),
        )
    },
    endless: |target, _| {
        let pause = r#"<ConstantTimer guiclass="ConstantTimerGui" testclass="ConstantTimer" testname="pause"><stringProp name="ConstantTimer.delay">10</stringProp></ConstantTimer><hashTree/>"#;
        let one = sampler("three", &format!("{target}/ok/3"));
        jmx("${__P(threads,1)}", "-1", &format!("{one}{pause}"))
    },
    label: str::to_owned,
};

const LISTENER: &str = r#"<ResultCollector guiclass="SimpleDataWriter" testclass="ResultCollector" testname="own"><objProp><name>saveConfig</name><value class="SampleSaveConfiguration"><time>true</time><timestamp>true</timestamp><label>true</label><code>true</code><success>true</success><xml>false</xml><fieldNames>false</fieldNames></value></objProp><stringProp name="filename">OWN/own.jtl</stringProp></ResultCollector><hashTree/>"#;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
        .replace('\t', "&#9;")
}

fn sampler(name: &str, url: &str) -> String {
    let (name, url) = (escaped(name), escaped(url));
    let rest = url.trim_start_matches("http://");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = host.split_once(':').unwrap_or((host, "80"));
    format!(
        r#"<HTTPSamplerProxy guiclass="HttpTestSampleGui" testclass="HTTPSamplerProxy" testname="{name}"><elementProp name="HTTPsampler.Arguments" elementType="Arguments"><collectionProp name="Arguments.arguments"/></elementProp><stringProp name="HTTPSampler.domain">{host}</stringProp><stringProp name="HTTPSampler.port">{port}</stringProp><stringProp name="HTTPSampler.protocol">http</stringProp><stringProp name="HTTPSampler.path">/{path}</stringProp><stringProp name="HTTPSampler.method">GET</stringProp><boolProp name="HTTPSampler.follow_redirects">true</boolProp><boolProp name="HTTPSampler.use_keepalive">true</boolProp></HTTPSamplerProxy><hashTree/>"#
    )
}

fn jmx(threads: &str, loops: &str, inside: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<jmeterTestPlan version="1.2" properties="5.0" jmeter="5.5"><hashTree>
<TestPlan guiclass="TestPlanGui" testclass="TestPlan" testname="shop"><elementProp name="TestPlan.user_defined_variables" elementType="Arguments"><collectionProp name="Arguments.arguments"/></elementProp></TestPlan><hashTree>
<ThreadGroup guiclass="ThreadGroupGui" testclass="ThreadGroup" testname="users" enabled="true"><stringProp name="ThreadGroup.on_sample_error">continue</stringProp><elementProp name="ThreadGroup.main_controller" elementType="LoopController"><boolProp name="LoopController.continue_forever">false</boolProp><stringProp name="LoopController.loops">{loops}</stringProp></elementProp><stringProp name="ThreadGroup.num_threads">{threads}</stringProp><stringProp name="ThreadGroup.ramp_time">0</stringProp></ThreadGroup><hashTree>
{inside}
</hashTree></hashTree></hashTree></jmeterTestPlan>"#
    )
}

/// A plan without a thread group.
pub(super) fn jmx_without_group() -> String {
    jmx_with_group("Nothing")
}

/// A plan whose thread group is of another kind.
pub(super) fn jmx_with_group(kind: &str) -> String {
    let plan = jmx("1", "1", "");
    plan.replace("<ThreadGroup ", &format!("<{kind} "))
        .replace("</ThreadGroup>", &format!("</{kind}>"))
}

/// A plan with something in its thread group.
pub(super) fn jmx_with(inside: &str) -> String {
    jmx("1", "1", inside)
}

/// Each runner asks once for each row that it has.
pub(super) const K6_ROWS: &str = r"import http from 'k6/http';
const rows = open('./users.csv').trim().split('\n').slice(1);
export const options = { vus: 1, iterations: Math.max(1, rows.length) };
export default function () {
  const row = rows[__ITER];
  if (row) http.get(`${__ENV.BASE}/u/${row.split(',')[0]}`, { tags: { name: 'user' } });
  console.log(`with ${__ENV.API_TOKEN}, ${__ENV.DLT_RUNNER_INDEX} of ${__ENV.DLT_RUNNER_COUNT}`);
}
";
pub(super) const LOCUST_ROWS: &str = r"import csv, os
from locust import HttpUser, LoadTestShape, constant, task
rows = [row[0] for row in csv.reader(open('users.csv'))][1:]
class Shape(LoadTestShape):
    def tick(self):
        return (1, 1) if rows else None
class Shop(HttpUser):
    host = os.environ['BASE']
    wait_time = constant(0)
    @task
    def one(self):
        if rows:
            self.client.get('/u/' + rows.pop(), name='user')
";

/// JMeter's own reader of rows, until there is none.
pub(super) fn jmeter_rows() -> String {
    let rows = r#"<CSVDataSet guiclass="TestBeanGUI" testclass="CSVDataSet" testname="rows"><stringProp name="delimiter">,</stringProp><stringProp name="fileEncoding">UTF-8</stringProp><stringProp name="filename">users.csv</stringProp><boolProp name="ignoreFirstLine">true</boolProp><boolProp name="quotedData">true</boolProp><boolProp name="recycle">false</boolProp><stringProp name="shareMode">shareMode.all</stringProp><boolProp name="stopThread">true</boolProp><stringProp name="variableNames">name,note</stringProp></CSVDataSet><hashTree/>"#;
    let user = r#"<HTTPSamplerProxy guiclass="HttpTestSampleGui" testclass="HTTPSamplerProxy" testname="user"><elementProp name="HTTPsampler.Arguments" elementType="Arguments"><collectionProp name="Arguments.arguments"/></elementProp><stringProp name="HTTPSampler.path">${__P(BASE)}/u/${name}</stringProp><stringProp name="HTTPSampler.method">GET</stringProp></HTTPSamplerProxy><hashTree/>"#;
    jmx("2", "-1", &format!("{rows}{user}"))
}
