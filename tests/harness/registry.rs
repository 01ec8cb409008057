//! A registry of images (Debian's `docker-registry`) as a child process, with a folder of
//! its own. `cargo xtask test` fetches it and names it in `DLT_REGISTRY`.

use crate::http::{self, Reply};
use crate::patience;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Whom it lets in, if it asks at all: ECR's name, with this password.
pub const PASSWORD: &str = "correct horse";
/// That in the form of htpasswd (bcrypt, the only one that it takes).
const HTPASSWD: &str = "AWS:$2b$04$TcII6fHSZIQ5XOzKZfCH4OEa028MD8pIwydNsfhsCuOHfuFq7dzjq\n";
/// What else it would have to be asked for.
const MANIFEST: (&str, &str) = ("accept", "application/vnd.oci.image.manifest.v1+json");

/// It, until it is dropped.
#[derive(Debug)]
pub struct Registry {
    /// `host:port`.
    pub address: String,
    folder: tempfile::TempDir,
    child: Option<Child>,
    asks: bool,
}

impl Registry {
    /// A place for one, that nobody listens at yet.
    ///
    /// # Panics
    /// When there is none.
    pub fn planned(asks: bool) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its number").to_string();
        Self {
            address,
            folder: tempfile::tempdir().expect("a folder"),
            child: None,
            asks,
        }
    }

    /// One that lets everybody in; or that asks for name and password.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(asks: bool) -> Self {
        let mut registry = Self::planned(asks);
        registry.listen();
        registry
    }

    /// Starts it at its place.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn listen(&mut self) {
        let folder = self.folder.path();
        let data = folder.join("data");
        let mut config = format!(
            "version: 0.1\nlog: {{ accesslog: {{ disabled: false }}, level: info }}\n\
             storage: {{ filesystem: {{ rootdirectory: '{}' }} }}\nhttp: {{ addr: '{}' }}\n",
            data.display(),
            self.address
        );
        if self.asks {
            let names = folder.join("htpasswd");
            std::fs::write(&names, HTPASSWD).expect("htpasswd");
            let names = names.display();
            config += &format!("auth: {{ htpasswd: {{ realm: tests, path: '{names}' }} }}\n");
        }
        let file = folder.join("config.yml");
        std::fs::write(&file, config).expect("its settings");
        let log = || std::fs::File::create(self.log()).map_or(Stdio::null(), Stdio::from);
        let program = std::env::var_os("DLT_REGISTRY").expect("DLT_REGISTRY names the program");
        let child = Command::new(program)
            .arg("serve")
            .arg(file)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.expect("the registry can be started"));
        patience::until("the registry listens", Duration::from_secs(30), || {
            TcpStream::connect(&self.address).ok()
        });
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("registry.log")
    }

    /// How many requests with this method it has answered.
    pub fn answered(&self, method: &str) -> usize {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        log.matches(&format!("\"{method} /v2/")).count()
    }

    /// What it has at a path below `/v2/`.
    pub fn get(&self, path: &str) -> Reply {
        self.get_with(&[MANIFEST], path)
    }

    /// The same, asked with the name and password that it takes.
    pub fn get_as_aws(&self, path: &str) -> Reply {
        use base64::Engine as _;
        let login = base64::prelude::BASE64_STANDARD.encode(format!("AWS:{PASSWORD}"));
        let login = format!("Basic {login}");
        self.get_with(&[MANIFEST, ("authorization", &login)], path)
    }

    fn get_with(&self, headers: &[(&str, &str)], path: &str) -> Reply {
        http::send(&self.address, "GET", &format!("/v2/{path}"), headers, b"")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
