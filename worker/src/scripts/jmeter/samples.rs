//! JMeter's samples, read as a stream of its XML (`output_format=xml`): unlike its CSV this tells
//! what a sample consists of. A request is an element without samples inside; a followed redirect
//! is one for each hop, under the label of the whole. Transactions are groups and no requests.
//! (Apache JMeter User's Manual, Listeners: JTL files.)

use crate::scripts::sample::{Told, ToolFailure, ToolSample};
use dlt_core::measure::sample::Cause;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;
use std::io::BufRead;

/// Deepest nesting that is kept apart: a transaction, its request, the request's hops.
const DEEPEST: usize = 16;
/// What the message of a transaction begins with.
const TRANSACTION: &str = "Number of samples in transaction";
const NO_HTTP: &str = "Non HTTP response code: ";
const NO_HTTP_MESSAGE: &str = "Non HTTP response message: ";
/// An element that is open.
#[derive(Debug, Default)]
struct OpenSample {
    sample: ToolSample<'static>,
    is_transaction: bool,
    /// It has samples inside, so that it is no request.
    is_whole: bool,
    /// One of them failed.
    part_failed: bool,
    is_http: bool,
    /// The last of them, not told yet.
    last_part: Option<ToolSample<'static>>,
}

/// Reads samples to the end of the input; what is cut off there was not finished.
pub(in crate::scripts) fn read(input: impl BufRead, mut each: impl FnMut(Told<'_>)) {
    let mut reader = Reader::from_reader(input);
    reader.config_mut().expand_empty_elements = true;
    let mut buffer = Vec::new();
    let mut open: Vec<OpenSample> = Vec::new();
    // The text of the element that is open, where it is one that counts.
    let mut wanted = false;
    let mut text = String::new();
    let mut failed_check: Option<String> = None;
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) => match tag.name().as_ref() {
                "httpSample" | "sample" => {
                    let sample = start(&tag, open.first());
                    if open.is_empty()
                        && let Some(users) = number_of(&tag, "na")
                    {
                        each(Told::Users(users));
                    }
                    let is_bad = sample.is_none();
                    if is_bad || open.len() >= DEEPEST {
                        each(Told::Unreadable);
                    }
                    open.push(sample.unwrap_or_default());
                    failed_check = None;
                }
                "failureMessage" | "name" => {
                    text.clear();
                    wanted = true;
                }
                _ => {}
            },
            Ok(Event::Text(part)) if wanted => text.push_str(&part),
            Ok(Event::GeneralRef(reference)) if wanted => {
                text.push_str(&resolved(&reference));
            }
            Ok(Event::End(tag)) => match tag.name().as_ref() {
                "failureMessage" => {
                    wanted = false;
                    failed_check.get_or_insert_with(|| std::mem::take(&mut text));
                }
                "name" => wanted = false,
                "httpSample" | "sample" => {
                    if let Some(mut done) = open.pop() {
                        if let (Some(failure), Some(said)) =
                            (&mut done.sample.failure, failed_check.take())
                            && failure.cause == Cause::Check
                            && !said.trim().is_empty()
                        {
                            failure.message = said.trim().to_owned();
                        }
                        end(done, open.last_mut(), &mut each);
                    }
                }
                _ => {}
            },
            Ok(Event::Eof) => return,
            // A tool that was killed leaves its last element open. Whatever else it is, the tool
            // must not wait for a reader.
            Err(_) => {
                let rest = std::io::copy(&mut reader.into_inner(), &mut std::io::sink());
                if rest.is_ok_and(|bytes| bytes > 0) {
                    each(Told::Unreadable);
                }
                return;
            }
            Ok(_) => {}
        }
    }
}

fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        return char.to_string();
    }
    let known = quick_xml::escape::resolve_predefined_entity(reference);
    known.unwrap_or_default().to_owned()
}

/// Tells an element that has ended. The last part of a request is kept until the whole has ended:
/// where the whole failed and no part did, as by an assertion, that part carries the failure.
fn end(mut done: OpenSample, around: Option<&mut OpenSample>, each: &mut impl FnMut(Told<'_>)) {
    let failed = done.sample.failure.is_some() || done.part_failed;
    let is_group = done.is_transaction || (done.is_whole && !done.is_http);
    let last = match done.last_part.take() {
        Some(mut part) => {
            if !done.part_failed {
                part.failure = done.sample.failure;
            }
            Some(part)
        }
        None if is_group => None,
        None => Some(done.sample),
    };
    if is_group {
        each(Told::Group);
    }
    let Some(around) = around else {
        return last.into_iter().for_each(|part| tell(part, each));
    };
    around.is_whole = true;
    around.part_failed |= failed;
    let done = match around.is_http {
        true => std::mem::replace(&mut around.last_part, last),
        false => last,
    };
    done.into_iter().for_each(|part| tell(part, each));
}

/// A request, or that it was cut off: JMeter closes the sockets of a load that it ends at once.
fn tell(sample: ToolSample<'static>, each: &mut impl FnMut(Told<'_>)) {
    let is_cut = |failure: &ToolFailure| {
        failure.code.as_deref() == Some("SocketException") && failure.message == "Socket closed"
    };
    match sample.failure.as_ref().is_some_and(is_cut) {
        true => each(Told::Cut),
        false => each(Told::Sample(sample)),
    }
}

fn number_of(tag: &BytesStart<'_>, name: &str) -> Option<u64> {
    tag.try_get_attribute(name).ok()??.value.parse().ok()
}

/// An element's attributes; None if they are none of a sample.
fn start(tag: &BytesStart<'_>, outermost: Option<&OpenSample>) -> Option<OpenSample> {
    let mut open = OpenSample {
        is_http: tag.name().as_ref() == "httpSample",
        ..OpenSample::default()
    };
    let (mut began_ms, mut elapsed_ms, mut latency_ms, mut connect_ms) = (None, None, 0, 0);
    let (mut code, mut message, mut ok, mut label) = (String::new(), String::new(), true, None);
    let (mut received, mut sent) = (0, 0);
    for attribute in tag.attributes() {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        let number = || value.parse::<u64>().ok();
        match attribute.key.as_ref() {
            "ts" => began_ms = number(),
            "t" => elapsed_ms = number(),
            "lt" => latency_ms = number()?,
            "ct" => connect_ms = number()?,
            "by" => received = number()?,
            "sby" => sent = number()?,
            "s" => ok = value == "true",
            "lb" => label = Some(value.into_owned()),
            "rc" => code = value.into_owned(),
            "rm" => message = value.into_owned(),
            _ => {}
        }
    }
    open.is_transaction = message.starts_with(TRANSACTION);
    let (began_ms, elapsed_ms) = (began_ms?, elapsed_ms?);
    let own = label?;
    let whole = outermost.filter(|outer| outer.is_http && open.is_http);
    let status = code
        .parse::<u16>()
        .ok()
        .filter(|code| (100..=999).contains(code));
    let is_answered = !code.starts_with(NO_HTTP);
    let us = |ms: u64| ms.saturating_mul(1_000);
    open.sample = ToolSample {
        end_us: us(began_ms.saturating_add(elapsed_ms)),
        response_us: us(elapsed_ms),
        connect_us: (connect_ms > 0 && is_answered).then_some(us(connect_ms)),
        first_byte_us: (is_answered && (latency_ms > 0 || status.is_some()))
            .then_some(us(latency_ms)),
        label: Cow::Owned(whole.map_or(own, |outer| outer.sample.label.clone().into_owned())),
        status,
        failure: (!ok).then(|| failure(&code, status, &message)),
        // Of a failure JMeter counts the text of its own exception.
        bytes_received: if is_answered { received } else { 0 },
        bytes_sent: sent,
    };
    Some(open)
}

fn failure(code: &str, status: Option<u16>, message: &str) -> ToolFailure {
    if let Some(status) = status {
        return ToolFailure::of_status(status);
    }
    let Some(class) = code.strip_prefix(NO_HTTP) else {
        return ToolFailure {
            cause: if code.is_empty() {
                Cause::Check
            } else {
                Cause::Tool
            },
            code: (!code.is_empty()).then(|| code.to_owned()),
            message: message.to_owned(),
        };
    };
    let message = message.strip_prefix(NO_HTTP_MESSAGE).unwrap_or(message);
    let name = class.rsplit('.').next().unwrap_or(class);
    ToolFailure {
        cause: cause_of(name, message),
        code: Some(name.to_owned()),
        message: message.to_owned(),
    }
}

/// The cause that an exception of Java's network or HttpClient classes means.
fn cause_of(class: &str, message: &str) -> Cause {
    let says = |text: &str| message.to_ascii_lowercase().contains(text);
    match class {
        "UnknownHostException" => Cause::Dns,
        "NoRouteToHostException" => Cause::Unreachable,
        "ConnectTimeoutException" => Cause::TimeoutConnect,
        "SocketTimeoutException" if says("connect") => Cause::TimeoutConnect,
        "SocketTimeoutException" => Cause::TimeoutFirstByte,
        "HttpHostConnectException" | "ConnectException" => match () {
            () if says("timed out") => Cause::TimeoutConnect,
            () if says("unreachable") || says("no route") => Cause::Unreachable,
            () => Cause::Refused,
        },
        "SocketException" if says("unreachable") => Cause::Unreachable,
        "SocketException" if says("too many open files") => Cause::Generator,
        "BindException" => Cause::Generator,
        "SocketException"
        | "NoHttpResponseException"
        | "ConnectionClosedException"
        | "EOFException" => Cause::Reset,
        "ConnectionPoolTimeoutException" => Cause::Generator,
        "ClientProtocolException" | "RedirectException" if says("redirect") => {
            Cause::TooManyRedirects
        }
        "IOException" if says("redirect") => Cause::TooManyRedirects,
        "ClientProtocolException"
        | "ProtocolException"
        | "MalformedChunkCodingException"
        | "TruncatedChunkException"
        | "UnsupportedHttpVersionException" => Cause::Protocol,
        name if name.starts_with("SSL") || name.starts_with("Cert") => Cause::Tls,
        _ => Cause::Tool,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(xml: &str) -> Vec<String> {
        let mut all = Vec::new();
        read(xml.as_bytes(), |told| {
            all.push(match told {
                Told::Sample(sample) => format!(
                    "{:?} {} {} {:?} {:?} {} {}",
                    sample.label,
                    sample.end_us,
                    sample.response_us,
                    sample.status,
                    sample
                        .failure
                        .map(|it| (it.cause.name(), it.code, it.message)),
                    sample.bytes_received,
                    sample.bytes_sent,
                ),
                other => format!("{other:?}"),
            });
        });
        all
    }

    #[test]
    fn requests_are_the_innermost_samples() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
<testResults version="1.2">
<httpSample t="4" lt="3" ct="1" ts="1000" s="true" lb="a, &quot;b&quot;&#xa;c" rc="200" rm="OK" by="70" sby="121"/>
<httpSample t="12" lt="1" ct="0" ts="2000" s="true" lb="moved" rc="200" rm="OK" by="154" sby="246">
  <httpSample t="1" lt="1" ct="0" ts="2000" s="true" lb="moved-0" rc="302" rm="Found" by="84" sby="125"/>
  <httpSample t="3" lt="3" ct="0" ts="2009" s="true" lb="moved-1" rc="200" rm="OK" by="70" sby="121"/>
</httpSample>
<httpSample t="2" lt="0" ct="2" ts="3000" s="false" lb="gone" rc="Non HTTP response code: org.apache.http.conn.HttpHostConnectException" rm="Non HTTP response message: Connect to 127.0.0.1:1 failed: Connection refused" by="2542" sby="0"/>
<httpSample t="2" lt="2" ct="1" ts="4000" s="false" lb="bad" rc="200" rm="OK" by="70" sby="121">
  <assertionResult><name>bye</name><failure>true</failure><error>false</error>
    <failureMessage>Test failed: &lt;bye&gt; expected</failureMessage></assertionResult>
</httpSample>
<sample t="3" lt="3" ct="0" ts="5000" s="false" lb="tx" rc="" rm="Number of samples in transaction : 2, number of failing samples : 1" by="155" sby="241"/>
<sample t="3" lt="0" ct="0" ts="6000" s="true" lb="parent" rc="200" rm="Number of samples in transaction : 1, number of failing samples : 0" by="70" sby="121">
  <httpSample t="1" lt="1" ct="0" ts="6001" s="false" lb="in parent" rc="404" rm="Not Found" by="70" sby="121"/>
</sample>
<sample t="5" lt="0" ct="0" ts="7000" s="true" lb="groovy" rc="200" rm="OK" by="0" sby="0"/>
<httpSample t="5" lt="0" ct="0" ts="7000" s="false" lb="late" rc="Non HTTP response code: java.net.SocketException" rm="Non HTTP response message: Socket closed" by="9" sby="0" na="4"/>
<httpSample t="9" lt="1" ct="0" ts="80"#;
        assert_eq!(
            told(xml),
            [
                r#""a, \"b\"\nc" 1004000 4000 Some(200) None 70 121"#,
                r#""moved" 2001000 1000 Some(302) None 84 125"#,
                r#""moved" 2012000 3000 Some(200) None 70 121"#,
                r#""gone" 3002000 2000 None Some(("refused", Some("HttpHostConnectException"), "Connect to 127.0.0.1:1 failed: Connection refused")) 0 0"#,
                r#""bad" 4002000 2000 Some(200) Some(("check", Some("200"), "Test failed: <bye> expected")) 70 121"#,
                "Group",
                r#""in parent" 6002000 1000 Some(404) Some(("status-4xx", Some("404"), "status 404")) 70 121"#,
                "Group",
                r#""groovy" 7005000 5000 Some(200) None 0 0"#,
                "Users(4)",
                "Cut",
            ]
        );
    }

    #[test]
    fn a_failure_of_the_whole_is_told_though_its_parts_are_ok() {
        let xml = r#"<testResults>
<httpSample t="12" lt="1" ts="2000" s="false" lb="moved" rc="200" rm="OK">
  <httpSample t="1" lt="1" ts="2000" s="true" lb="moved-0" rc="302" rm="Found"/>
  <httpSample t="3" lt="3" ts="2009" s="true" lb="moved-1" rc="200" rm="OK"/>
  <assertionResult><name>x</name><failure>true</failure><failureMessage>no bye</failureMessage></assertionResult>
</httpSample></testResults>"#;
        assert_eq!(
            told(xml),
            [
                r#""moved" 2001000 1000 Some(302) None 0 0"#,
                r#""moved" 2012000 3000 Some(200) Some(("check", Some("200"), "no bye")) 0 0"#,
            ]
        );
    }

    #[test]
    fn exceptions_are_causes() {
        for (class, message, cause) in [
            ("UnknownHostException", "no.such.host", Cause::Dns),
            (
                "SocketTimeoutException",
                "Read timed out",
                Cause::TimeoutFirstByte,
            ),
            (
                "SocketTimeoutException",
                "connect timed out",
                Cause::TimeoutConnect,
            ),
            ("SocketException", "Connection reset", Cause::Reset),
            (
                "NoHttpResponseException",
                "host failed to respond",
                Cause::Reset,
            ),
            (
                "SSLHandshakeException",
                "PKIX path building failed",
                Cause::Tls,
            ),
            ("IllegalStateException", "?", Cause::Tool),
        ] {
            assert_eq!(cause_of(class, message), cause, "{class}");
        }
    }
}
