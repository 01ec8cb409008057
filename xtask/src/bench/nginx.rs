//! The target of measurements: nginx with one worker on core 0 and a short
//! answer from memory. It ends when dropped.

use anyhow::{Context, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where it tells how many requests came.
const COUNTS: &str = "/counts";
/// How long it may take to listen, or to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// 66 bytes, as in the reference measurements.
const ANSWER: &str = "The quick brown fox jumps over the lazy dog and measures all of it";

/// The same length in JSON, with something to extract.
const JSON_ANSWER: &str = r#"{"token":"0123456789abcd","state":"ok","items":[{"id":1},{"n":2}]}"#;

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    address: SocketAddr,
    scheme: &'static str,
    folder: PathBuf,
}

impl Nginx {
    /// Starts it on a free port of 127.0.0.1; over TLS with a certificate of its own, which nobody
    /// knows.
    pub fn start(tls: bool) -> Result<Self> {
        Self::listening(if tls { "ssl " } else { "" }, tls)
    }

    /// The same in HTTP/2 by prior knowledge.
    pub fn start_http2() -> Result<Self> {
        Self::listening("http2 ", false)
    }

    fn listening(how: &str, tls: bool) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("dlt-bench-nginx-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let here = folder.display();
        let secured = match tls {
            true => {
                certify(&folder)?;
                format!(
                    "ssl_certificate {here}/cert.pem; ssl_certificate_key {here}/key.pem; ssl_protocols TLSv1.3;"
                )
            }
            false => String::new(),
        };
        let config = format!(
            "daemon off;\nworker_processes 1;\nworker_rlimit_nofile 20000;\npid {here}/pid;\nerror_log stderr crit;\n\
             events {{ worker_connections 18000; }}\n\
             http {{\n  access_log off;\n  keepalive_requests 1000000000;\n  keepalive_timeout 1h;\n\
             client_body_temp_path {here}/a; proxy_temp_path {here}/b; fastcgi_temp_path {here}/c;\n\
             uwsgi_temp_path {here}/d; scgi_temp_path {here}/e;\n\
             server {{ listen {address} {how}backlog=4096; {secured} default_type text/plain;\n\
             location / {{ return 200 \"{ANSWER}\"; }}\n\
             location /json {{ default_type application/json; return 200 '{JSON_ANSWER}'; }}\n\
             location = {COUNTS} {{ stub_status; }} }}\n}}\n"
        );
        let path = folder.join("nginx.conf");
        std::fs::write(&path, config)?;
        let search = std::env::var("PATH").unwrap_or_default();
        let child = Command::new("taskset")
            .args(["-c", "0", "nginx", "-c"])
            .arg(&path)
            .env("PATH", format!("{search}:/usr/sbin"))
            .stdin(Stdio::null())
            .spawn()
            .context("failed to start nginx")?;
        let mut nginx = Self {
            child,
            address,
            scheme: if tls { "https" } else { "http" },
            folder,
        };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = nginx.child.try_wait()? {
                bail!("nginx ended at once: {status}");
            }
            if Instant::now() > deadline {
                bail!("nginx does not listen on {address}");
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("{}://{}/", self.scheme, self.address)
    }

    /// Where it answers in JSON: this, and whatever begins with it.
    pub fn json_url(&self) -> String {
        format!("{}json", self.url())
    }

    /// Requests so far, this one included; without TLS and HTTP/2.
    pub fn requests(&self) -> Result<u64> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {COUNTS} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        requests_of(&answer).with_context(|| format!("nginx told no counts: {answer}"))
    }
}

/// The third number of the line below the names (ngx_http_stub_status_module).
fn requests_of(answer: &str) -> Option<u64> {
    let (_, rest) = answer.split_once("server accepts handled requests\n")?;
    rest.split_whitespace().nth(2)?.parse().ok()
}

/// A key of P-256, as most servers have, and its certificate.
fn certify(folder: &Path) -> Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1".split(' '));
    openssl.arg("-keyout").arg(folder.join("key.pem"));
    openssl.arg("-out").arg(folder.join("cert.pem"));
    let made = openssl.output().context("failed to start openssl")?;
    match made.status.success() {
        true => Ok(()),
        false => bail!("openssl: {}", String::from_utf8_lossy(&made.stderr)),
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = self.child.id() as i32;
        // SIGTERM, not SIGKILL: the master ends its worker.
        #[expect(unsafe_code, reason = "kill(2) has no safe form; it takes two numbers")]
        unsafe {
            libc::kill(pid, libc::SIGTERM);
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_answers_have_one_length() {
        assert_eq!((ANSWER.len(), JSON_ANSWER.len()), (66, 66));
        let counts =
            "Active connections: 1 \nserver accepts handled requests\n 7 7 31 \nReading: 0";
        assert_eq!(requests_of(counts), Some(31));
    }
}
