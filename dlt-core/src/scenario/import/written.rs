//! The text of an imported request: a scenario file with comments that say what may be
//! changed. Texts are written as JSON writes them, which is YAML, too.

use super::{Imported, ImportedBody};
use crate::safety::is_secret;
use crate::scenario::names::as_display_name;
use crate::scenario::requests::targets::authority_end;

/// The file.
pub(super) fn file(request: &Imported) -> String {
    let (base, rest) = request.url.split_at(authority_end(&request.url));
    let host = base.split_once("://").map_or(base, |(_, host)| host);
    let path = match rest {
        "" => "/".to_owned(),
        // Alone it would be another host.
        rest if rest.starts_with("//") => format!("${{base}}{rest}"),
        rest => rest.to_owned(),
    };
    let mut lines = vec![
        "# A scenario: what is requested, how hard, and what has to hold.".to_owned(),
        "#   dlt check FILE                 says what is wrong with it, or what it does".to_owned(),
        "#   dlt run FILE                   runs it".to_owned(),
        format!("#   dlt run FILE --set base={}", comment(base)),
        "#                                  the same against another host; -c, -d, -H… change it, too".to_owned(),
        format!("testName: {}", text(&as_display_name(host))),
        "testScenario:".to_owned(),
        "  execution:".to_owned(),
        "    - scenario: main".to_owned(),
        "      users: 10                    # each sends its next request when it has its answer;".to_owned(),
        "                                   # or arrivals: 50 (per second, whether or not answers come)".to_owned(),
        "      hold-for: 30s".to_owned(),
        "      # ramp-up: 10s               # how long it takes until all users are there".to_owned(),
        "  scenarios:".to_owned(),
        "    main:".to_owned(),
        format!("      variables: {{ base: {} }}", text(base)),
        "      default-address: \"${base}\"".to_owned(),
    ];
    limits(request, &mut lines);
    tls(request, &mut lines);
    way(request, &mut lines);
    lines.push("      requests:".to_owned());
    lines.push(format!("        - url: {}", text(&path)));
    if request.method != "GET" {
        lines.push(format!("          method: {}", request.method));
    }
    lines.push("          # label: home            # what its numbers stand under".to_owned());
    headers(request, &mut lines);
    body(&request.body, &mut lines);
    if !request.follows {
        lines.push("          follow-redirects: false  # as curl does without -L".to_owned());
    }
    lines.push("          # assert: [welcome]      # a text that each answer must hold".to_owned());
    lines.extend([
        "thresholds:                        # what must hold for the run to pass".to_owned(),
        "  - error_rate<1%".to_owned(),
        "  # - p(95)<500ms".to_owned(),
    ]);
    for left in &request.left_out {
        lines.push(format!("# Left out: {}", comment(left)));
    }
    lines.join("\n") + "\n"
}

fn limits(request: &Imported, lines: &mut Vec<String>) {
    let [total, connect] = &request.limits;
    let seconds = |given: &str| match given.parse::<f64>() {
        Ok(_) => format!("{given}s"),
        Err(_) => given.to_owned(),
    };
    let parts = [("connect", connect), ("total", total)];
    let parts = parts.iter().filter_map(|(key, value)| {
        let value = value.as_deref()?;
        Some(format!("{key}: {}", text(&seconds(value))))
    });
    let parts: Vec<String> = parts.collect();
    if !parts.is_empty() {
        lines.push(format!("      timeouts: {{ {} }}", parts.join(", ")));
    }
}

fn tls(request: &Imported, lines: &mut Vec<String>) {
    let [ca, cert, key] = &request.tls_files;
    // As curl: a certificate and its key may be in one file.
    let key = key.as_ref().or(cert.as_ref());
    let files = [
        ("ca-file", ca.as_ref()),
        ("cert-file", cert.as_ref()),
        ("key-file", key),
    ];
    let files = files
        .iter()
        .filter_map(|(name, file)| Some(format!("{name}: {}", text(file.as_ref()?))));
    let insecure = request.insecure.then(|| "insecure: true".to_owned());
    let parts: Vec<String> = files.chain(insecure).collect();
    if !parts.is_empty() {
        lines.push(format!("      tls: {{ {} }}", parts.join(", ")));
    }
}

/// The version of HTTP, where connections go instead, and the proxy.
fn way(request: &Imported, lines: &mut Vec<String>) {
    if let Some(http) = request.http {
        lines.push(format!("      http: {}", http.name()));
    }
    for (key, entries) in ["resolve", "connect-to"].iter().zip(&request.elsewhere) {
        let entries: Vec<String> = entries.iter().map(|entry| text(entry)).collect();
        if !entries.is_empty() {
            lines.push(format!("      {key}: [{}]", entries.join(", ")));
        }
    }
    if let Some(proxy) = &request.proxy {
        if proxy.contains('@') {
            lines.push("      # A password stands here. To keep it out of the file: \"${env.PROXY}\" in its place, and".to_owned());
            lines.push(
                "      # dlt run FILE -e PROXY, which takes it from the environment.".to_owned(),
            );
        }
        lines.push(format!("      proxy: {}", text(proxy)));
    }
    if let Some(list) = &request.no_proxy {
        lines.push(format!("      no-proxy: {}", text(list)));
    }
}

fn headers(request: &Imported, lines: &mut Vec<String>) {
    let is_secret_here =
        request.user.is_some() || request.headers.iter().any(|row| is_secret(&row.0));
    if is_secret_here {
        lines.push("          # A secret stands here. To keep it out of the file: \"${env.NAME}\" in its place, and".to_owned());
        lines.push(
            "          # dlt run FILE -e NAME, which takes it from the environment.".to_owned(),
        );
    }
    if let Some((user, password)) = &request.user {
        lines.push(format!(
            "          auth: {{ basic: {{ username: {}, password: {} }} }}",
            text(user),
            text(password)
        ));
    }
    let repeats = request.headers.iter().enumerate().any(|(at, (name, _))| {
        let mut before = request.headers[..at].iter();
        before.any(|(other, _)| other.eq_ignore_ascii_case(name))
    });
    if !request.headers.is_empty() {
        lines.push("          headers:".to_owned());
    }
    for (name, value) in &request.headers {
        let entry = format!("{}: {}", text(name), text(value));
        lines.push(match repeats {
            true => format!("            - {{ {entry} }}"),
            false => format!("            {entry}"),
        });
    }
}

fn body(body: &ImportedBody, lines: &mut Vec<String>) {
    match body {
        ImportedBody::None => {}
        ImportedBody::Text(body) => lines.push(format!("          body: {}", text(body))),
        ImportedBody::File(file) => lines.push(format!("          body-file: {}", text(file))),
        ImportedBody::Form(fields, uploads) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", text(name), text(value)))
                .collect();
            if !fields.is_empty() {
                lines.push(format!("          form: {{ {} }}", fields.join(", ")));
            }
            if !uploads.is_empty() {
                lines.push("          upload-files:".to_owned());
            }
            for (param, path, mime) in uploads {
                let mime = mime
                    .as_ref()
                    .map(|mime| format!(", mime-type: {}", text(mime)));
                lines.push(format!(
                    "            - {{ param: {}, path: {}{} }}",
                    text(param),
                    text(path),
                    mime.unwrap_or_default()
                ));
            }
        }
    }
}

/// A text in quotes, without a sign that YAML does not take as it is.
fn text(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut written = String::with_capacity(json.len());
    for sign in json.chars() {
        match sign {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                written.push_str(&format!("\\u{:04x}", u32::from(sign)));
            }
            sign => written.push(sign),
        }
    }
    written
}

/// A text in a comment: on one line.
fn comment(text: &str) -> String {
    text.chars()
        .map(|sign| {
            if sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}' | '\u{feff}') {
                ' '
            } else {
                sign
            }
        })
        .collect()
}
