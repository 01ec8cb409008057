//! The one call of EC2 that is needed: the public addresses of tasks' network interfaces. Signed here:
//! EC2's SDK is the largest of all.

use super::Clients;
use super::signed::Signed;
use crate::error::PipelineError;
use dlt_core::ids::Region;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Most values of one filter (EC2 API Reference, "Filter").
const MOST_ASKED: usize = 200;

/// The public IPv4 address of each of these network interfaces that has one (DescribeNetworkInterfaces).
/// An interface that is gone is left out: EC2 refuses ids that it does not know, a filter does not.
pub async fn public_addresses(
    clients: &Clients,
    region: &Region,
    interfaces: &[&str],
) -> Result<BTreeMap<String, String>, PipelineError> {
    let mut found = BTreeMap::new();
    for some in interfaces.chunks(MOST_ASKED) {
        let request = Signed {
            service: "ec2",
            host: "ec2",
            region: Some(region.to_string()),
            method: "POST",
            path: "/".to_owned(),
            headers: vec![(
                "content-type".to_owned(),
                "application/x-www-form-urlencoded".to_owned(),
            )],
            body: form(some),
        };
        let answer = request.text(clients).await;
        let answer = answer.map_err(|refused| refused.error)?;
        let addresses = addresses(&answer).map_err(|error| {
            PipelineError::Other(format!("ec2, DescribeNetworkInterfaces: {error}"))
        });
        found.extend(addresses?);
    }
    Ok(found)
}

/// Ids are letters, digits and a hyphen: nothing needs to be escaped.
fn form(interfaces: &[&str]) -> String {
    let mut form = "Action=DescribeNetworkInterfaces&Version=2016-11-15\
                    &Filter.1.Name=network-interface-id"
        .to_owned();
    for (number, interface) in interfaces.iter().enumerate() {
        let _ = write!(form, "&Filter.1.Value.{}={interface}", number + 1);
    }
    form
}

/// Reads the answer's items: `networkInterfaceId`, and `publicIp` of its first `association`.
fn addresses(xml: &str) -> Result<BTreeMap<String, String>, quick_xml::Error> {
    let mut reader = Reader::from_str(xml);
    let mut path: Vec<String> = Vec::new();
    let (mut interface, mut found) = (String::new(), BTreeMap::new());
    loop {
        match reader.read_event()? {
            Event::Start(tag) => path.push(tag.local_name().as_ref().to_owned()),
            Event::Text(text) => {
                let inner: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
                match inner[..] {
                    ["networkInterfaceSet", "item", "networkInterfaceId"] => {
                        interface = text.to_string();
                    }
                    ["networkInterfaceSet", "item", "association", "publicIp"] => {
                        found.insert(interface.clone(), text.to_string());
                    }
                    _ => {}
                }
            }
            Event::End(_) => drop(path.pop()),
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_the_address_of_its_own_association() {
        // As EC2 answers: an interface with an address, one without, and the same address again among
        // the private ones.
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>7</requestId>
  <networkInterfaceSet>
    <item>
      <networkInterfaceId>eni-01</networkInterfaceId>
      <groupSet><item><groupId>sg-1</groupId></item></groupSet>
      <association><publicIp>198.51.100.7</publicIp><ipOwnerId>amazon</ipOwnerId></association>
      <privateIpAddressesSet>
        <item><privateIpAddress>10.0.0.4</privateIpAddress>
          <association><publicIp>198.51.100.7</publicIp></association></item>
      </privateIpAddressesSet>
    </item>
    <item>
      <networkInterfaceId>eni-02</networkInterfaceId>
      <privateIpAddressesSet><item><privateIpAddress>10.0.0.5</privateIpAddress></item></privateIpAddressesSet>
    </item>
  </networkInterfaceSet>
</DescribeNetworkInterfacesResponse>"#;
        let found = addresses(xml).unwrap();
        let expected = BTreeMap::from([("eni-01".to_owned(), "198.51.100.7".to_owned())]);
        assert_eq!(found, expected);
        addresses("<a><b></a>").unwrap_err();
    }

    #[test]
    fn interfaces_are_the_values_of_one_filter() {
        assert!(form(&["eni-1", "eni-2"]).ends_with(
            "&Filter.1.Name=network-interface-id&Filter.1.Value.1=eni-1&Filter.1.Value.2=eni-2"
        ));
    }
}
