//! A Docker engine for the emulator of AWS: its API on a Unix socket, as far as
//! ECS there uses it (Docker Engine API 1.43), with processes of this machine for
//! containers. Each has a loopback address of its own, and is told of it by the
//! task metadata, as on Fargate. What an image would lack, it does not notice.

mod container;
mod metadata;

use container::{Container, Made};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

/// Images and what they run, by the name before the tag.
pub type Images = BTreeMap<String, PathBuf>;

struct State {
    images: Mutex<Images>,
    /// Variables that containers get instead of what they were to get.
    set: Mutex<BTreeMap<String, String>>,
    containers: Mutex<BTreeMap<String, Arc<Container>>>,
    made: Mutex<u32>,
    /// `host:port` of the metadata.
    metadata: String,
}

/// The engine; its containers end when it is dropped.
pub struct Engine {
    state: Arc<State>,
    /// Its socket.
    pub socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Drop for Engine {
    fn drop(&mut self) {
        for container in all(&self.state).values() {
            container.kill();
        }
    }
}

/// A request of the API.
struct Asked {
    method: String,
    /// Without the version.
    path: String,
    query: BTreeMap<String, String>,
    body: Value,
}

/// What it is answered.
enum Answer {
    Json(u16, Value),
    Empty(u16),
    /// Both streams, a frame a line, until the container has ended.
    Logs(Arc<Container>),
}

fn all(state: &State) -> MutexGuard<'_, BTreeMap<String, Arc<Container>>> {
    state.containers.lock().expect("no test panics in here")
}

impl Engine {
    /// Starts an engine that has these images.
    ///
    /// # Panics
    /// When there is no socket to be had.
    pub fn start(images: Images) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let state = Arc::new(State {
            images: Mutex::new(images),
            set: Mutex::default(),
            containers: Mutex::default(),
            made: Mutex::new(0),
            metadata: metadata::serve(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(&state, stream));
            }
        });
        Self {
            state,
            socket,
            _folder: folder,
        }
    }

    /// Sets a variable of every container that is made from now on.
    pub fn set(&self, name: &str, value: &str) {
        let mut set = self.state.set.lock().expect("no test panics in here");
        set.insert(name.to_owned(), value.to_owned());
    }

    /// From now on an image runs this program; None: there is no such image.
    pub fn set_image(&self, name: &str, program: Option<PathBuf>) {
        let mut images = self.state.images.lock().expect("no test panics in here");
        match program {
            Some(program) => images.insert(name.to_owned(), program),
            None => images.remove(name),
        };
    }

    /// What containers have printed so far, by container: for a test that failed.
    pub fn printed(&self) -> String {
        let all = all(&self.state);
        let texts = all.iter().map(|(id, container)| {
            let text = container.printed();
            format!("--- {} {}\n{text}", &id[..12], container.address)
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Processes that still run.
    pub fn running(&self) -> usize {
        let all = all(&self.state);
        all.values().filter(|one| one.exit().is_none()).count()
    }
}

/// Answers a connection's requests until it is closed.
fn serve(state: &State, stream: UnixStream) {
    let Ok(mut writer) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        let sent = match answer(state, &asked) {
            Answer::Json(status, value) => write(&mut writer, status, &value.to_string()),
            Answer::Empty(status) => write(&mut writer, status, ""),
            Answer::Logs(container) => logs(&mut writer, &container),
        };
        if sent.is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = match path.strip_prefix("/v") {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
            rest.find('/').map_or("", |at| &rest[at..])
        }
        _ => path,
    };
    let query = url::form_urlencoded::parse(query.as_bytes());
    Some(Asked {
        method,
        path: path.to_owned(),
        query: query.into_owned().collect(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}

fn write(writer: &mut impl Write, status: u16, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = match status {
        204 => "HTTP/1.1 204 -\r\n\r\n".to_owned(),
        _ => format!(
            "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ),
    };
    writer.write_all(format!("{head}{body}").as_bytes())
}

/// Both streams as Docker multiplexes them: 8 bytes of header a frame.
fn logs(writer: &mut impl Write, container: &Container) -> std::io::Result<()> {
    let kind = "application/vnd.docker.multiplexed-stream";
    let head =
        format!("HTTP/1.1 200 -\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n");
    writer.write_all(head.as_bytes())?;
    let mut told = 0;
    while let Some((stream, line)) = container.line(told) {
        told += 1;
        let mut frame = vec![stream, 0, 0, 0];
        frame.extend((line.len() as u32).to_be_bytes());
        frame.extend(line);
        writer.write_all(format!("{:x}\r\n", frame.len()).as_bytes())?;
        writer.write_all(&frame)?;
        writer.write_all(b"\r\n")?;
        writer.flush()?;
    }
    writer.write_all(b"0\r\n\r\n")
}

fn answer(state: &State, asked: &Asked) -> Answer {
    let parts: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["version"]) => Answer::Json(
            200,
            json!({ "Version": "24.0", "ApiVersion": "1.43", "MinAPIVersion": "1.24" }),
        ),
        (_, ["_ping"]) => Answer::Json(200, json!("OK")),
        ("GET", ["info"]) => Answer::Json(200, json!({ "OSType": "linux" })),
        ("GET", ["containers", "json"]) => Answer::Json(200, list(state, asked)),
        ("POST", ["containers", "create"]) => create(state, asked),
        ("GET", ["images", name @ .., "json"]) => match image(state, &name.join("/")) {
            Some(_) => Answer::Json(
                200,
                json!({ "Id": "sha256:0", "RepoTags": [name.join("/")] }),
            ),
            None => missing("image"),
        },
        ("POST", ["images", "create"]) => missing("image to pull"),
        (_, ["containers", id, rest @ ..]) => {
            let found = all(state).get(*id).cloned();
            match found {
                None => missing("container"),
                Some(container) => one(state, asked, &container, rest),
            }
        }
        _ => missing("such path"),
    }
}

fn missing(what: &str) -> Answer {
    Answer::Json(404, json!({ "message": format!("no {what}") }))
}

fn image(state: &State, name: &str) -> Option<PathBuf> {
    let name = name.rsplit_once(':').map_or(name, |parts| parts.0);
    let images = state.images.lock().expect("no test panics in here");
    images.get(name).cloned()
}

fn list(state: &State, asked: &Asked) -> Value {
    let filters = asked.query.get("filters").map(String::as_str);
    let filters: Value = filters
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let wanted: Vec<&str> = filters["label"]
        .as_array()
        .map(|labels| labels.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let all = all(state);
    let rows = all
        .iter()
        .filter(|(_, container)| wanted.iter().all(|label| container.has_label(label)))
        .map(|(id, container)| {
            json!({ "Id": id, "Names": [container.name], "Labels": container.labels })
        });
    rows.collect()
}

fn create(state: &State, asked: &Asked) -> Answer {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let Some(program) = image(state, asked.body["Image"].as_str().unwrap_or_default()) else {
        return missing("image");
    };
    let number = {
        let mut made = state.made.lock().expect("no test panics in here");
        *made += 1;
        *made
    };
    // 127.1.0.1 is nobody's: the emulator may think that it is its own.
    let address = format!("127.1.{}.{}", number / 250, number % 250 + 2);
    let env = asked.body["Env"].as_array().cloned().unwrap_or_default();
    let env = env.iter().filter_map(|pair| {
        let (name, value) = pair.as_str()?.split_once('=')?;
        let value = value.replace("host.docker.internal", "127.0.0.1");
        let value = match name {
            metadata::VARIABLE => metadata::address(&state.metadata, &address, &value),
            _ => value,
        };
        Some((name.to_owned(), value))
    });
    let mut env: BTreeMap<String, String> = env.collect();
    env.extend(state.set.lock().expect("no test panics in here").clone());
    let id = format!("{number:064x}");
    let container = Container::new(Made {
        program,
        env: env.into_iter().collect(),
        name: asked.query.get("name").cloned().unwrap_or_default(),
        image: text(&asked.body["Image"]),
        labels: asked.body["Labels"].clone(),
        address,
    });
    all(state).insert(id.clone(), Arc::new(container));
    Answer::Json(201, json!({ "Id": id, "Warnings": [] }))
}

fn one(state: &State, asked: &Asked, container: &Arc<Container>, what: &[&str]) -> Answer {
    let seconds = asked.query.get("t").and_then(|text| text.parse().ok());
    match (asked.method.as_str(), what) {
        ("GET", ["json"]) => Answer::Json(200, inspect(&asked.path, container)),
        ("POST", ["start"]) => match container.start() {
            Ok(()) => Answer::Empty(204),
            Err(error) => Answer::Json(500, json!({ "message": error.to_string() })),
        },
        ("POST", ["stop"]) => {
            container.stop(seconds.unwrap_or(10));
            Answer::Empty(204)
        }
        ("POST", ["kill"]) => {
            container.kill();
            Answer::Empty(204)
        }
        ("POST", ["wait"]) => Answer::Json(200, json!({ "StatusCode": container.wait() })),
        ("GET", ["logs"]) => Answer::Logs(Arc::clone(container)),
        ("DELETE", []) => {
            container.kill();
            let id = asked.path.rsplit('/').next().unwrap_or_default();
            all(state).remove(id);
            Answer::Empty(204)
        }
        _ => missing("such path"),
    }
}

fn inspect(path: &str, container: &Container) -> Value {
    let exit = container.exit();
    let status = match exit {
        _ if !container.began() => "created",
        None => "running",
        Some(_) => "exited",
    };
    json!({
        "Id": path.split('/').nth(2),
        "Name": format!("/{}", container.name),
        "Image": "sha256:0",
        "State": {
            "Status": status,
            "Running": status == "running",
            "ExitCode": exit.unwrap_or(0),
        },
        "Config": { "Tty": false, "Image": container.image, "Labels": container.labels },
        "NetworkSettings": { "Networks": { "loopback": { "IPAddress": container.address } } },
    })
}
