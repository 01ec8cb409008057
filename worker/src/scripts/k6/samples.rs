//! k6's samples, read as a stream of its CSV (`--out csv=FILE`): of the rows that a request has
//! the duration is its sample, its neighbours are its phases. Columns are found by the header.
//! (Grafana k6 documentation, Real-time results: CSV; Error codes.)

use crate::scripts::sample::{Told, ToolFailure, ToolSample};
use csv::ByteRecord;
use dlt_core::measure::sample::Cause;
use dlt_core::scenario::default_label;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use url::Url;

/// Most labels made of URLs that are remembered.
const MOST_REMEMBERED: usize = 4_096;

/// Where the columns stand that are read.
#[derive(Debug, Default)]
struct Columns {
    metric: usize,
    time: usize,
    value: usize,
    check: Option<usize>,
    error: Option<usize>,
    error_code: Option<usize>,
    method: Option<usize>,
    name: Option<usize>,
    status: Option<usize>,
}

impl Columns {
    fn of(header: &ByteRecord) -> Option<Self> {
        let at = |name: &str| header.iter().position(|cell| cell == name.as_bytes());
        Some(Self {
            metric: at("metric_name")?,
            time: at("timestamp")?,
            value: at("metric_value")?,
            check: at("check"),
            error: at("error"),
            error_code: at("error_code"),
            method: at("method"),
            name: at("name"),
            status: at("status"),
        })
    }
}

/// The request whose rows are being read.
#[derive(Debug, Default)]
struct Pending {
    sample: ToolSample<'static>,
    sending_us: u64,
    code: String,
    error: String,
}

/// Reads samples to the end of the input. Nothing comes before the header.
pub(in crate::scripts) fn read(input: impl Read, mut each: impl FnMut(Told<'_>)) {
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(256 * 1024)
        .from_reader(input);
    let mut row = ByteRecord::new();
    let mut columns: Option<Columns> = None;
    let mut labels = Labels::default();
    let mut pending: Option<Pending> = None;
    loop {
        match rows.read_byte_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            // Rows of any length and any bytes are read: what is left is that reading itself fails.
            Err(_) => {
                each(Told::Unreadable);
                break;
            }
        }
        let Some(known) = &columns else {
            columns = Columns::of(&row);
            if columns.is_none() {
                each(Told::Unreadable);
            }
            continue;
        };
        take(&row, known, &mut labels, &mut pending, &mut each);
    }
    // Whether it failed is its last row: without it a request was not written to its end.
    drop(pending);
}

fn text<'a>(row: &'a ByteRecord, at: Option<usize>) -> Cow<'a, str> {
    let cell = at.and_then(|at| row.get(at)).unwrap_or_default();
    String::from_utf8_lossy(cell)
}

fn take(
    row: &ByteRecord,
    columns: &Columns,
    labels: &mut Labels,
    pending: &mut Option<Pending>,
    each: &mut impl FnMut(Told<'_>),
) {
    let value = text(row, Some(columns.value)).parse::<f64>().ok();
    let Some(value) = value.filter(|value| value.is_finite() && *value >= 0.0) else {
        return each(Told::Unreadable);
    };
    // Durations are in milliseconds.
    let us = || (value * 1_000.0).round() as u64;
    match row.get(columns.metric).unwrap_or_default() {
        b"http_req_duration" => {
            let Ok(end_us) = text(row, Some(columns.time)).parse() else {
                return each(Told::Unreadable);
            };
            *pending = Some(Pending {
                sample: ToolSample {
                    end_us,
                    response_us: us(),
                    label: labels.label(row, columns).into(),
                    // 0 where no answer came.
                    status: text(row, columns.status)
                        .parse()
                        .ok()
                        .filter(|code| *code > 0),
                    ..ToolSample::default()
                },
                sending_us: 0,
                code: text(row, columns.error_code).into_owned(),
                error: text(row, columns.error).into_owned(),
            });
        }
        b"http_req_connecting" | b"http_req_tls_handshaking" if value > 0.0 => {
            if let Some(pending) = pending {
                let so_far = pending.sample.connect_us.get_or_insert(0);
                *so_far = so_far.saturating_add(us());
            }
        }
        b"http_req_sending" => {
            if let Some(pending) = pending {
                pending.sending_us = us();
            }
        }
        b"http_req_waiting" => {
            if let Some(pending) = pending
                && pending.sample.status.is_some()
            {
                pending.sample.first_byte_us = Some(pending.sending_us.saturating_add(us()));
            }
        }
        b"http_req_failed" => {
            if let Some(done) = pending.take() {
                each(Told::Sample(finished(done, value > 0.0)));
            }
        }
        b"data_received" => each(Told::Bytes(value as u64)),
        b"vus" => each(Told::Users(value as u64)),
        b"dropped_iterations" => each(Told::Dropped(value as u64)),
        b"checks" => each(Told::Checked {
            name: text(row, columns.check),
            holds: value > 0.0,
        }),
        _ => {}
    }
}

fn finished(pending: Pending, failed: bool) -> ToolSample<'static> {
    let mut sample = pending.sample;
    if sample.status.is_none() {
        // It has no duration either: k6 counts none of what went before.
        sample.connect_us = None;
    }
    if failed {
        sample.failure = Some(match (sample.status, pending.error.is_empty()) {
            (Some(status), true) => ToolFailure::of_status(status),
            (status, _) => failure(&pending.code, &pending.error, status),
        });
    }
    sample
}

/// What an error of k6 means, by its code.
fn failure(code: &str, error: &str, status: Option<u16>) -> ToolFailure {
    let cause = match code.parse::<u32>().unwrap_or(0) {
        1_050 if error.contains("awaiting headers") || status.is_none() => Cause::TimeoutFirstByte,
        1_050 => Cause::TimeoutBody,
        1_100..=1_109 => Cause::Dns,
        1_110 | 1_111 => Cause::TargetForbidden,
        1_211 => Cause::TimeoutConnect,
        1_212 => Cause::Refused,
        1_201 | 1_220 => Cause::Reset,
        1_200..=1_299 if error.contains("unreachable") || error.contains("no route") => {
            Cause::Unreachable
        }
        1_200..=1_299 if error.contains("too many open files") => Cause::Generator,
        1_300..=1_399 => Cause::Tls,
        1_400..=1_499 => Cause::Status4xx,
        1_500..=1_599 => Cause::Status5xx,
        1_600..=1_699 => Cause::H2Reset,
        _ if error.contains("EOF") => Cause::Reset,
        _ if error.contains("redirects") => Cause::TooManyRedirects,
        _ if error.contains("malformed HTTP") => Cause::Protocol,
        _ => Cause::Tool,
    };
    let class = (!code.is_empty()).then(|| code.to_owned());
    ToolFailure {
        cause,
        code: status.map(|status| status.to_string()).or(class),
        message: error.to_owned(),
    }
}

/// Labels of names: a name that the script gives as it is; one that is a URL, as k6 makes it where
/// the script gives none, as requests without a label have it.
#[derive(Debug, Default)]
struct Labels(HashMap<(Vec<u8>, Vec<u8>), String>);

impl Labels {
    fn label(&mut self, row: &ByteRecord, columns: &Columns) -> String {
        let name = columns.name.and_then(|at| row.get(at)).unwrap_or_default();
        if !name.starts_with(b"http://") && !name.starts_with(b"https://") {
            return String::from_utf8_lossy(name).into_owned();
        }
        let method = columns
            .method
            .and_then(|at| row.get(at))
            .unwrap_or_default();
        let key = (method.to_vec(), name.to_vec());
        if let Some(label) = self.0.get(&key) {
            return label.clone();
        }
        let name = String::from_utf8_lossy(name);
        let label = match Url::parse(&name) {
            Ok(url) => default_label(&String::from_utf8_lossy(method), &url, true),
            Err(_) => name.into_owned(),
        };
        if self.0.len() < MOST_REMEMBERED {
            self.0.insert(key, label.clone());
        }
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "metric_name,timestamp,metric_value,check,error,error_code,expected_response,method,name,scenario,status,extra_tags,metadata\n";

    fn told(rows: &str) -> Vec<String> {
        let mut all = Vec::new();
        read(format!("{HEADER}{rows}").as_bytes(), |told| {
            all.push(match told {
                Told::Sample(sample) => format!(
                    "{:?} {} {} {:?} {:?} {:?} {:?}",
                    sample.label,
                    sample.end_us,
                    sample.response_us,
                    sample.connect_us,
                    sample.first_byte_us,
                    sample.status,
                    sample
                        .failure
                        .map(|it| (it.cause.name(), it.code, it.message)),
                ),
                other => format!("{other:?}"),
            });
        });
        all
    }

    fn request(tags: &str, phases: [f64; 5], failed: u8) -> String {
        let names = [
            "duration",
            "connecting",
            "tls_handshaking",
            "sending",
            "waiting",
        ];
        let mut rows = format!("http_reqs,1700000000000000,1,{tags}");
        for (name, value) in names.iter().zip(phases) {
            rows.push_str(&format!("http_req_{name},1700000000000000,{value},{tags}"));
        }
        rows + &format!("http_req_failed,1700000000000000,{failed},{tags}")
    }

    #[test]
    fn a_request_is_its_rows() {
        let ok = ",,,true,GET,\"a, \"\"b\"\"\nc\",default,200,,\n";
        let url = ",,,true,POST,https://shop.test:8443/orders/17?x=1,default,201,,\n";
        let gone = ",\"dial: connection refused\",1212,false,GET,gone,default,0,,\n";
        let missing = ",,1404,false,GET,missing,default,404,,\n";
        let rows = [
            request(ok, [0.4504, 0.8, 1.2, 0.1, 0.25], 0),
            request(url, [1.0, 0.0, 0.0, 0.1, 0.9], 0),
            request(gone, [0.0, 0.0, 0.0, 0.0, 0.0], 1),
            request(missing, [2.0, 0.0, 0.0, 0.0, 1.0], 1),
            "vus,1700000000000000,7,,,,,,,,,,\n".to_owned(),
            "data_received,1700000000000000,70,,,,,,,default,,,\n".to_owned(),
            "dropped_iterations,1700000000000000,3,,,,,,,default,,,\n".to_owned(),
            "checks,1700000000000000,0,is it,,,,,,default,,,\n".to_owned(),
            "http_req_duration,17000".to_owned(),
        ];
        assert_eq!(
            told(&rows.concat()),
            [
                r#""a, \"b\"\nc" 1700000000000000 450 Some(2000) Some(350) Some(200) None"#,
                r#""POST shop.test:8443/orders/{id}" 1700000000000000 1000 None Some(1000) Some(201) None"#,
                r#""gone" 1700000000000000 0 None None None Some(("refused", Some("1212"), "dial: connection refused"))"#,
                r#""missing" 1700000000000000 2000 None Some(1000) Some(404) Some(("status-4xx", Some("404"), "status 404"))"#,
                "Users(7)",
                "Bytes(70)",
                "Dropped(3)",
                r#"Checked { name: "is it", holds: false }"#,
                "Unreadable",
            ]
        );
    }
}
