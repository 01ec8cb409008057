//! A user's cookies by RFC 6265: which an answer sets, and which a request carries.
//! There is no list of public suffixes; instead a cookie for a domain without a
//! dot belongs to its own host alone.

use std::time::{SystemTime, UNIX_EPOCH};
use url::{Host, Url};

/// Most cookies of a user: as many as browsers keep for a few sites.
const MOST_COOKIES: usize = 200;
/// Most bytes of a user's cookies: ten thousand users keep them in memory.
const MOST_COOKIE_BYTES: usize = 64 * 1024;
/// Longest Cookie header, bytes: servers refuse more.
const LONGEST_COOKIE_HEADER_BYTES: usize = 16 * 1024;

/// The cookies of a user; allocates with the first one.
#[derive(Debug, Default)]
pub(crate) struct CookieJar(Vec<Cookie>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cookie {
    name: String,
    /// As it came: it need not be UTF-8.
    value: Box<[u8]>,
    domain: String,
    /// Whether only this host gets it, and none below it.
    host_only: bool,
    path: String,
    secure: bool,
    /// When it expires, µs since the start instant; `u64::MAX`: never.
    until_us: u64,
}

impl CookieJar {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        let values = self.0.iter().map(|cookie| &cookie.value);
        values.filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// Stores what an answer from `url` sets.
    pub(crate) fn store(&mut self, url: &Url, set_cookies: &[Box<[u8]>], now_us: u64) {
        for line in set_cookies {
            let Some(cookie) = Cookie::parse(line, url, now_us) else {
                continue;
            };
            let same = |other: &Cookie| {
                other.name == cookie.name
                    && other.domain == cookie.domain
                    && other.path == cookie.path
            };
            let known = self.0.iter().position(same);
            if cookie.until_us <= now_us {
                if let Some(at) = known {
                    self.0.remove(at);
                }
                continue;
            }
            match known {
                // It keeps its place, which is in the order of creation.
                Some(at) => self.0[at] = cookie,
                None => self.0.push(cookie),
            }
            while self.0.len() > MOST_COOKIES || self.bytes() > MOST_COOKIE_BYTES {
                self.0.remove(0);
            }
        }
    }

    fn bytes(&self) -> usize {
        let sizes = self.0.iter().map(|cookie| {
            cookie.name.len() + cookie.value.len() + cookie.domain.len() + cookie.path.len()
        });
        sizes.sum()
    }

    /// The Cookie header of a request to `url`, if it has one.
    pub(crate) fn header(&self, url: &Url, now_us: u64) -> Option<Vec<u8>> {
        let matching = self.0.iter().filter(|cookie| cookie.matches(url, now_us));
        let mut matching: Vec<&Cookie> = matching.collect();
        // Longer paths first; the stable sort keeps older cookies first.
        matching.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let mut header = Vec::new();
        for cookie in matching {
            let longer = header.len() + cookie.name.len() + cookie.value.len() + 3;
            if longer > LONGEST_COOKIE_HEADER_BYTES {
                break;
            }
            if !header.is_empty() {
                header.extend_from_slice(b"; ");
            }
            header.extend_from_slice(cookie.name.as_bytes());
            header.push(b'=');
            header.extend_from_slice(&cookie.value);
        }
        (!header.is_empty()).then_some(header)
    }
}

impl Cookie {
    /// Reads a Set-Cookie header (RFC 6265, 5.2 and 5.3).
    fn parse(line: &[u8], url: &Url, now_us: u64) -> Option<Self> {
        if line
            .iter()
            .any(|byte| byte.is_ascii_control() && *byte != b'\t')
        {
            return None;
        }
        let text = String::from_utf8_lossy(line);
        let mut parts = text.split(';');
        let name = parts.next()?.split_once('=')?.0.trim();
        let pair = line.split(|byte| *byte == b';').next()?;
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let value = pair[at + 1..].trim_ascii();
        if name.is_empty() {
            return None;
        }
        let host = url.host_str()?;
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.into(),
            domain: host.to_ascii_lowercase(),
            host_only: true,
            path: default_path(url),
            secure: false,
            until_us: u64::MAX,
        };
        let mut max_age = false;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" => cookie.set_domain(value, url)?,
                "path" if value.starts_with('/') => cookie.path = value.to_owned(),
                "path" => cookie.path = default_path(url),
                "secure" => cookie.secure = true,
                "max-age" => {
                    if let Some(until_us) = until_of_age(value, now_us) {
                        max_age = true;
                        cookie.until_us = until_us;
                    }
                }
                // Max-Age has precedence, wherever it stands.
                "expires" if !max_age => {
                    if let Some(unix_s) = parse_date(value) {
                        cookie.until_us = until_of_date(unix_s, now_us);
                    }
                }
                _ => {}
            }
        }
        Some(cookie)
    }

    /// Applies a Domain attribute; None if the host may not set it.
    fn set_domain(&mut self, value: &str, url: &Url) -> Option<()> {
        let domain = value
            .strip_prefix('.')
            .unwrap_or(value)
            .to_ascii_lowercase();
        if domain.is_empty() {
            return Some(());
        }
        let host = url.host_str()?.to_ascii_lowercase();
        if domain == host {
            // An address, or a name like `localhost`, has no hosts below it.
            self.host_only = !matches!(url.host(), Some(Host::Domain(name)) if name.contains('.'));
            return Some(());
        }
        let below = matches!(url.host(), Some(Host::Domain(_))) && is_below(&host, &domain);
        if !below || !domain.contains('.') {
            return None;
        }
        self.domain = domain;
        self.host_only = false;
        Some(())
    }

    fn matches(&self, url: &Url, now_us: u64) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        let host_fits = host.eq_ignore_ascii_case(&self.domain)
            || (!self.host_only && is_below(&host.to_ascii_lowercase(), &self.domain));
        host_fits
            && path_fits(url.path(), &self.path)
            && (!self.secure || url.scheme() == "https")
            && self.until_us > now_us
    }
}

/// Whether a host is a subdomain of a domain.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.ends_with('.'))
}

/// RFC 6265, 5.1.4.
fn path_fits(path: &str, of_cookie: &str) -> bool {
    path.strip_prefix(of_cookie)
        .is_some_and(|rest| rest.is_empty() || of_cookie.ends_with('/') || rest.starts_with('/'))
}

/// RFC 6265, 5.1.4: the path up to its last slash.
fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(at) => url.path()[..at].to_owned(),
    }
}

fn until_of_age(value: &str, now_us: u64) -> Option<u64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if value.starts_with('-') {
        return Some(0);
    }
    // A number that does not fit is longer than any run.
    let seconds: u64 = digits.parse().unwrap_or(u64::MAX);
    Some(match seconds {
        0 => 0,
        _ => now_us.saturating_add(seconds.saturating_mul(1_000_000)),
    })
}

fn until_of_date(unix_s: i64, now_us: u64) -> u64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    let wall_s = wall.map_or(0, |wall| wall.as_secs() as i64);
    match u64::try_from(unix_s - wall_s) {
        Ok(left_s @ 1..) => now_us.saturating_add(left_s.saturating_mul(1_000_000)),
        _ => 0,
    }
}

/// Parses a cookie's date by the lenient rules of RFC 6265, 5.1.1; Unix seconds.
fn parse_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let delimiter = |c: char| !(c.is_ascii_alphanumeric() || c == ':');
    for token in text.split(delimiter).filter(|token| !token.is_empty()) {
        let number = || -> Option<i16> { token.parse().ok() };
        let lower = token.to_ascii_lowercase();
        if time.is_none() && token.contains(':') {
            let parts: Option<Vec<i8>> = token.split(':').map(|part| part.parse().ok()).collect();
            time = parts.filter(|parts| parts.len() == 3);
        } else if day.is_none() && token.len() <= 2 && number().is_some() {
            day = number();
        } else if month.is_none() && lower.len() >= 3 && lower.is_ascii() {
            month = MONTHS.iter().position(|month| lower.starts_with(month));
            if month.is_none() && year.is_none() && lower.len() == 4 {
                year = number();
            }
        } else if year.is_none() && matches!(token.len(), 2 | 4) {
            year = number();
        }
    }
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        year @ 1601.. => year,
        _ => return None,
    };
    let time = time?;
    let month = i8::try_from(month? + 1).ok()?;
    let date = jiff::civil::DateTime::new(
        year,
        month,
        i8::try_from(day?).ok()?,
        time[0],
        time[1],
        time[2],
        0,
    );
    let zoned = date.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(from: &str, lines: &[&str]) -> CookieJar {
        let mut jar = CookieJar::default();
        let lines: Vec<Box<[u8]>> = lines.iter().map(|line| line.as_bytes().into()).collect();
        jar.store(&from.parse().unwrap(), &lines, 1_000_000);
        jar
    }

    fn sent(jar: &CookieJar, to: &str) -> String {
        let header = jar.header(&to.parse().unwrap(), 1_000_000);
        String::from_utf8(header.unwrap_or_default()).unwrap()
    }

    #[test]
    fn a_value_that_is_not_utf_8_is_sent_back_as_it_came() {
        let url: Url = "http://h.example/".parse().unwrap();
        let mut jar = CookieJar::default();
        let line: Box<[u8]> = b"name=Gr\xfc\xdfe \xe4; Path=/".as_slice().into();
        jar.store(&url, &[line], 1_000_000);
        assert_eq!(
            jar.header(&url, 1_000_000).unwrap(),
            b"name=Gr\xfc\xdfe \xe4"
        );
    }

    #[test]
    fn cookies_are_sent_where_they_match() {
        let jar = jar(
            "http://www.shop.example/a/b",
            &[
                "host=1",
                "wide=2; Domain=.Shop.Example; Path=/",
                "deep=3; Path=/a/b",
                "safe=4; Secure; Path=/",
                "other=5; Domain=else.example",
                "tld=6; Domain=example",
                "=7",
                "nothing",
            ],
        );
        for (to, expected) in [
            ("http://www.shop.example/a/b", "deep=3; host=1; wide=2"),
            ("http://www.shop.example/a/bc", "host=1; wide=2"),
            ("https://www.shop.example/", "wide=2; safe=4"),
            ("http://api.shop.example/a/", "wide=2"),
            ("http://shop.example/", "wide=2"),
            ("http://evilshop.example/", ""),
            ("http://else.example/", ""),
            ("http://www.shop.example:8080/x", "wide=2"),
        ] {
            assert_eq!(sent(&jar, to), expected, "{to}");
        }
    }

    #[test]
    fn addresses_and_short_names_have_no_hosts_below() {
        let by_address = jar(
            "http://127.0.0.1/",
            &["a=1; Domain=127.0.0.1", "b=2; Domain=0.0.1"],
        );
        assert_eq!(sent(&by_address, "http://127.0.0.1:9/x"), "a=1");
        let by_name = jar("http://localhost/", &["a=1; Domain=localhost"]);
        assert_eq!(sent(&by_name, "http://localhost/"), "a=1");
        assert_eq!(sent(&by_name, "http://x.localhost/"), "");
    }

    #[test]
    fn cookies_are_replaced_and_expire() {
        let url: Url = "http://h.example/".parse().unwrap();
        let mut jar = jar("http://h.example/", &["a=1", "b=2", "c=3; Max-Age=5"]);
        let mut set = |line: &str| {
            jar.store(&url, &[line.as_bytes().into()], 1_000_000);
            String::from_utf8(jar.header(&url, 1_000_000).unwrap_or_default()).unwrap()
        };
        assert_eq!(set("a=9"), "a=9; b=2; c=3");
        assert_eq!(set("b=; Max-Age=0"), "a=9; c=3");
        assert_eq!(
            set("b=2; Expires=Wed, 09 Jun 2021 10:18:14 GMT"),
            "a=9; c=3"
        );
        assert_eq!(
            set("b=2; Max-Age=9; Expires=Wed, 09 Jun 2021 10:18:14 GMT"),
            "a=9; c=3; b=2"
        );
        assert_eq!(
            set("a=8; Expires=Fri, 01-Jan-2100 00:00:00 GMT"),
            "a=8; c=3; b=2"
        );
        assert_eq!(set("a=x\u{7}y"), "a=8; c=3; b=2");
        assert_eq!(jar.header(&url, 7_000_000).unwrap(), b"a=8; b=2");
    }

    #[test]
    fn dates_are_read_leniently() {
        for text in [
            "Wed, 09 Jun 2021 10:18:14 GMT",
            "Wednesday, 09-Jun-21 10:18:14 GMT",
            "Wed Jun  9 10:18:14 2021",
        ] {
            assert_eq!(parse_date(text), Some(1_623_233_894), "{text}");
        }
        for text in [
            "",
            "soon",
            "Wed, 39 Jun 2021 10:18:14 GMT",
            "09 Jun 2021",
            "1:2:3 9 Jun 1500",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_jar_has_limits() {
        let lines: Vec<String> = (0..300)
            .map(|n| format!("c{n}={}", "x".repeat(1_000)))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let jar = jar("http://h.example/", &lines);
        assert!(jar.bytes() <= MOST_COOKIE_BYTES);
        assert!(sent(&jar, "http://h.example/").len() <= LONGEST_COOKIE_HEADER_BYTES);
    }
}
