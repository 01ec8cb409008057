//! The proxies that the environment names (`http_proxy` and the like), which variable names
//! which, and how they travel to a runner at home. A runner reads only what it was given:
//! a variable of its own machine says nothing of the load.

use super::{NoProxy, Protocol, Proxy};
use crate::refusal::{Fault, Faults};
use std::fmt;

/// Variables that name proxies or what goes without, those that come first winning.
pub const VARIABLES: [&str; 7] = [
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];
/// Not read, as curl has it: in CGI programs a client sets it with a header `Proxy`.
pub const IGNORED_VARIABLE: &str = "HTTP_PROXY";

/// How they travel to a runner, each value `SOURCE URL`.
const FOR_HTTP: &str = "DLT_HTTP_PROXY";
const FOR_HTTPS: &str = "DLT_HTTPS_PROXY";
const WITHOUT: &str = "DLT_NO_PROXY";

/// A proxy, and what names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedProxy {
    /// The proxy.
    pub proxy: Proxy,
    /// The variable that names it; None: the scenario does.
    pub variable: Option<String>,
}

impl NamedProxy {
    /// One of a scenario.
    pub fn of_scenario(proxy: Proxy) -> Self {
        Self {
            proxy,
            variable: None,
        }
    }
}

/// Without user and password, with the variable.
impl fmt::Display for NamedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variable {
            Some(variable) => write!(f, "{} ({variable})", self.proxy),
            None => self.proxy.fmt(f),
        }
    }
}

/// The proxies of the environment, for scenarios that name none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnvironmentProxies {
    /// For http.
    pub http: Option<NamedProxy>,
    /// For https.
    pub https: Option<NamedProxy>,
    /// What goes without.
    pub no_proxy: NoProxy,
}

impl EnvironmentProxies {
    /// Reads the variables through `get`, which looks one up; empty ones say nothing.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let set = |names: &[&'static str]| {
            let value = |name: &&'static str| get(name).filter(|text| !text.is_empty());
            names.iter().find_map(|name| Some((*name, value(name)?)))
        };
        let without = set(&["no_proxy", "NO_PROXY"]);
        if without.as_ref().is_some_and(|row| row.1.trim() == "*") {
            return Ok(Self::default());
        }
        let mut faults = Vec::new();
        let mut first = |names: &[&'static str]| {
            let (name, value) = set(names)?;
            match of_variable(&value) {
                Ok(proxy) => Some(NamedProxy {
                    proxy,
                    variable: Some(name.to_owned()),
                }),
                Err(why) => {
                    let fault = Fault {
                        path: name.to_owned(),
                        reason: format!(
                            "{why} (it is in the environment: unset it, or set no_proxy='*' to go without proxies)"
                        ),
                    };
                    if !faults.contains(&fault) {
                        faults.push(fault);
                    }
                    None
                }
            }
        };
        let http = first(&["http_proxy", "all_proxy", "ALL_PROXY"]);
        let https = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
        let mut no_proxy = NoProxy::default();
        if let Some((name, text)) = without.filter(|_| http.is_some() || https.is_some()) {
            match NoProxy::parse(&text) {
                Ok(read) => no_proxy = read,
                Err(reason) => faults.push(Fault {
                    path: name.to_owned(),
                    reason,
                }),
            }
        }
        match faults.is_empty() {
            true => Ok(Self {
                http,
                https,
                no_proxy,
            }),
            false => Err(Faults(faults)),
        }
    }

    /// Whether it names no proxy.
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// The variables that carry them to a runner.
    pub fn to_env(&self) -> Vec<(&'static str, String)> {
        let mut env = Vec::new();
        for (name, proxy) in [(FOR_HTTP, &self.http), (FOR_HTTPS, &self.https)] {
            if let Some(NamedProxy { proxy, variable }) = proxy {
                let source = variable.as_deref().unwrap_or("-");
                env.push((name, format!("{source} {}", proxy.with_user())));
            }
        }
        if !self.no_proxy.is_empty() {
            env.push((WITHOUT, self.no_proxy.to_string()));
        }
        env
    }

    /// The inverse of `to_env`.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let fault = |name: &str, reason: String| {
            Faults(vec![Fault {
                path: name.to_owned(),
                reason,
            }])
        };
        let proxy = |name: &'static str| {
            let Some(value) = get(name) else {
                return Ok(None);
            };
            let (source, url) = value
                .split_once(' ')
                .ok_or_else(|| fault(name, "has no proxy; it is set by dlt".to_owned()))?;
            let proxy = Proxy::parse(url).map_err(|why| fault(name, why))?;
            Ok(Some(NamedProxy {
                proxy,
                variable: (source != "-").then(|| source.to_owned()),
            }))
        };
        let list = get(WITHOUT).unwrap_or_default();
        Ok(Self {
            http: proxy(FOR_HTTP)?,
            https: proxy(FOR_HTTPS)?,
            no_proxy: NoProxy::parse(&list).map_err(|why| fault(WITHOUT, why))?,
        })
    }
}

/// A proxy of a variable or a flag, which may leave out the scheme `http://`.
fn of_variable(text: &str) -> Result<Proxy, String> {
    let text = text.trim();
    match text.contains("://") {
        true => Proxy::parse(text),
        false => Proxy::parse(&format!("{}://{text}", Protocol::Http.scheme())),
    }
}
