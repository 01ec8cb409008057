//! What the load generator sent its requests to, and in which version of HTTP:
//! of a runner in its report, of a run in its record (dlt.md 2, `generator`).
//!
//! Counted is each request that was handed to an established connection, also
//! one that was sent again: the rows of either list add up to `sent` + `resent`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most addresses that are listed, those with most requests: what a person may
/// look through. The rest goes to [`OTHER_ADDRESSES`].
pub const MOST_ADDRESSES: usize = 64;
/// Where requests to addresses beyond the limit go.
pub const OTHER_ADDRESSES: &str = "other";
/// Most addresses that are kept apart while counts are added up: far more than
/// are listed, so that the order of adding does not decide which are.
const MOST_ADDED: usize = 16_384;
/// Most proxies that are kept apart: each scenario of a run may name one, and hardly any does.
pub const MOST_PROXIES: usize = 32;
/// Longest proxy that is kept apart, bytes: a name, with scheme, port and variable.
const LONGEST_PROXY_BYTES: usize = 300;
/// Longest address that is kept apart, bytes: an IPv6 one with zone and port.
const LONGEST_ADDRESS_BYTES: usize = 64;

/// Requests by what they were sent to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// `[address, requests]`, addresses like `192.0.2.7:80` and `[2001:db8::7]:443`;
    /// most requests first, `other` for all beyond the first 64 last.
    #[serde(default)]
    pub addresses: Vec<(String, u64)>,
    /// `[version, requests]`, versions like `1.1`; most requests first.
    #[serde(default)]
    pub http_versions: Vec<(String, u64)>,
    /// `[proxy, requests]`, of those that went through one: its URL without user and password,
    /// behind it the variable of the environment that names it, if one does; most requests
    /// first, `other` for all beyond the first 32 last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proxies: Vec<(String, u64)>,
    /// From where they came: the runners' public IPv4 addresses at the start, in order; for
    /// allow-lists of targets. Empty where runners have none of their own: on one machine, and in
    /// private subnets.
    #[serde(default)]
    pub public_addresses: Vec<String>,
}

impl Generator {
    /// Nothing was sent, or nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
            && self.http_versions.is_empty()
            && self.proxies.is_empty()
            && self.public_addresses.is_empty()
    }

    /// Whether requests went to more than one address.
    pub fn has_several_addresses(&self) -> bool {
        self.addresses.len() > 1
    }
}

/// Requests being added up.
#[derive(Debug, Default)]
pub struct GeneratorSums {
    addresses: BTreeMap<String, u64>,
    other: u64,
    http_versions: BTreeMap<String, u64>,
    proxies: BTreeMap<String, u64>,
    other_proxies: u64,
}

impl GeneratorSums {
    /// `requests` more to an address.
    pub fn add_address(&mut self, address: &str, requests: u64) {
        if requests == 0 {
            return;
        }
        if let Some(sum) = self.addresses.get_mut(address) {
            *sum += requests;
        } else if address == OTHER_ADDRESSES
            || address.len() > LONGEST_ADDRESS_BYTES
            || self.addresses.len() >= MOST_ADDED
        {
            self.other += requests;
        } else {
            self.addresses.insert(address.to_owned(), requests);
        }
    }

    /// `requests` more in a version of HTTP.
    pub fn add_version(&mut self, version: &str, requests: u64) {
        if requests > 0 {
            *self.http_versions.entry(version.to_owned()).or_default() += requests;
        }
    }

    /// `requests` more through a proxy.
    pub fn add_proxy(&mut self, proxy: &str, requests: u64) {
        if requests == 0 {
            return;
        }
        if let Some(sum) = self.proxies.get_mut(proxy) {
            *sum += requests;
        } else if proxy == OTHER_ADDRESSES
            || proxy.len() > LONGEST_PROXY_BYTES
            || self.proxies.len() >= MOST_PROXIES
        {
            self.other_proxies += requests;
        } else {
            self.proxies.insert(proxy.to_owned(), requests);
        }
    }

    /// Adds all of other sums.
    pub fn merge(&mut self, other: &Self) {
        for (address, requests) in &other.addresses {
            self.add_address(address, *requests);
        }
        self.other += other.other;
        for (version, requests) in &other.http_versions {
            self.add_version(version, *requests);
        }
        for (proxy, requests) in &other.proxies {
            self.add_proxy(proxy, *requests);
        }
        self.other_proxies += other.other_proxies;
    }

    /// Adds the rows of a generator.
    pub fn add(&mut self, other: &Generator) {
        for (address, requests) in &other.addresses {
            self.add_address(address, *requests);
        }
        for (version, requests) in &other.http_versions {
            self.add_version(version, *requests);
        }
        for (proxy, requests) in &other.proxies {
            self.add_proxy(proxy, *requests);
        }
    }

    /// The rows, most requests first.
    pub fn rows(self) -> Generator {
        let mut addresses = busiest(self.addresses);
        let beyond = addresses.split_off(addresses.len().min(MOST_ADDRESSES));
        let other = self.other + beyond.iter().map(|row| row.1).sum::<u64>();
        if other > 0 {
            addresses.push((OTHER_ADDRESSES.to_owned(), other));
        }
        let mut proxies = busiest(self.proxies);
        if self.other_proxies > 0 {
            proxies.push((OTHER_ADDRESSES.to_owned(), self.other_proxies));
        }
        Generator {
            public_addresses: Vec::new(),
            addresses,
            http_versions: busiest(self.http_versions),
            proxies,
        }
    }
}

/// Equals stay in the order of their names.
fn busiest(rows: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut rows: Vec<(String, u64)> = rows.into_iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.1));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(rows: &[(String, u64)]) -> u64 {
        rows.iter().map(|row| row.1).sum()
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted_together() {
        let mut sums = GeneratorSums::default();
        for n in 0..100u64 {
            sums.add_address(&format!("10.0.0.{n}:80"), 1_000 - n);
        }
        sums.add_address(&"x".repeat(65), 5);
        sums.add_version("1.1", sum(&[]));
        let rows = sums.rows();
        assert_eq!(rows.addresses.len(), MOST_ADDRESSES + 1);
        assert_eq!(rows.addresses[0], ("10.0.0.0:80".to_owned(), 1_000));
        let beyond: u64 = (64..100).map(|n| 1_000 - n).sum();
        assert_eq!(rows.addresses[64], ("other".to_owned(), beyond + 5));
        assert_eq!(rows.http_versions, []);
        assert!(rows.has_several_addresses() && !rows.is_empty());
        let mut sums = GeneratorSums::default();
        for n in 0..40 {
            sums.add_proxy(&format!("http://p{n:02}:1 (http_proxy)"), 40 - n);
        }
        sums.add_proxy(&"x".repeat(301), 1);
        sums.add_proxy("http://p00:1 (http_proxy)", 2);
        sums.add_proxy("http://unused:1", 0);
        let proxies = sums.rows();
        assert_eq!(proxies.proxies.len(), MOST_PROXIES + 1);
        assert_eq!(proxies.proxies[0].1, 42);
        assert_eq!(sum(&proxies.proxies), (1..=40).sum::<u64>() + 3);
        assert!(!proxies.is_empty());
        let mut again = GeneratorSums::default();
        again.add(&proxies);
        assert_eq!(again.rows(), proxies);
        // What was counted together stays so.
        let mut again = GeneratorSums::default();
        again.add(&rows);
        assert_eq!(again.rows(), rows);
    }

    proptest! {
        /// Nothing is lost, and the order of adding does not matter.
        #[test]
        fn sums_hold(runners in prop::collection::vec(prop::collection::vec((0u8..90, 0u64..9), 0..99), 0..6)) {
            let parts: Vec<Generator> = runners.iter().map(|rows| {
                let mut sums = GeneratorSums::default();
                for (address, requests) in rows {
                    sums.add_address(&format!("[::{address:x}]:443"), *requests);
                    sums.add_version("1.1", *requests);
                }
                sums.rows()
            }).collect();
            let all: u64 = runners.iter().flatten().map(|row| row.1).sum();
            let added = |parts: &mut dyn Iterator<Item = &Generator>| {
                let mut sums = GeneratorSums::default();
                parts.for_each(|part| sums.add(part));
                sums.rows()
            };
            let whole = added(&mut parts.iter());
            prop_assert_eq!(sum(&whole.addresses), all);
            prop_assert_eq!(sum(&whole.http_versions), all);
            prop_assert!(whole.addresses.len() <= MOST_ADDRESSES + 1);
            prop_assert_eq!(&whole, &added(&mut parts.iter().rev()));
        }
    }
}
