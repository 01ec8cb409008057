//! The source addresses of a plan, before the clock starts: whether they are this runner's, and of
//! use towards its targets. Connecting from them is `http::policy`'s.

use crate::engine::http::hosts::ResolvedHost;
use dlt_core::scenario::plan::Group;
use std::net::{SocketAddr, UdpSocket};

/// The source addresses of a group that are not this runner's.
pub(super) fn foreign(group: &Group) -> impl Iterator<Item = String> {
    let sources = group.connection_policy.source_addresses.iter();
    sources.filter_map(|source| {
        // Any socket: it is closed at once.
        let error = UdpSocket::bind((*source, 0)).err()?;
        Some(format!(
            "scenario {}: connection-policy.source-addresses: {source} is no address of this runner ({error})",
            group.name
        ))
    })
}

/// The targets that groups with source addresses cannot reach: each of their addresses is of the
/// other family. Of names that are not resolved yet nobody knows.
pub(super) fn without_family(
    groups: &[Group],
    hosts: &[ResolvedHost],
) -> impl Iterator<Item = String> {
    hosts.iter().flat_map(move |host| {
        let groups = host.groups.iter().map(|at| &groups[*at]);
        groups.filter_map(move |group| {
            let sources = &group.connection_policy.source_addresses;
            let has_family = |target: &SocketAddr| {
                sources.iter().any(|source| source.is_ipv4() == target.is_ipv4())
            };
            let first = host.addresses.first().filter(|_| !sources.is_empty())?;
            if host.addresses.iter().any(has_family) {
                return None;
            }
            let family = if first.is_ipv4() { "IPv4" } else { "IPv6" };
            Some(format!(
                "scenario {}: connection-policy.source-addresses has no {family} address, and {} has no other: add one, or leave the key out",
                group.name,
                host.key.peer()
            ))
        })
    })
}
