//! What is refused in whatever form it is written, what opens it, and what a list of the
//! only targets leaves.

use super::*;
use core::net::{Ipv4Addr, Ipv6Addr};
use ipnet::IpNet;
use proptest::prelude::*;
use url::Url;

fn policy(allow: &[&str], only: &[&str]) -> TargetPolicy {
    TargetPolicy::parse(allow, only, ("--allow-target", "--only-target")).unwrap()
}

/// What a URL's host comes to, as a scenario is checked.
fn check(policy: &TargetPolicy, url: &str) -> Result<(), ForbiddenTarget> {
    let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    policy.check_host(&url.host().unwrap())
}

fn kind(url: &str) -> Option<AddressKind> {
    match check(&TargetPolicy::default(), url) {
        Ok(()) => None,
        Err(ForbiddenTarget::Unspecified(_)) => Some(AddressKind::Unspecified),
        Err(ForbiddenTarget::Refused { kind, .. }) => Some(kind),
        Err(
            ForbiddenTarget::NotListed(name)
            | ForbiddenTarget::Unresolved(name)
            | ForbiddenTarget::Unix(name)
            | ForbiddenTarget::Metadata(name),
        ) => panic!("{name} is not listed"),
    }
}

#[test]
fn a_metadata_address_is_refused_in_every_spelling() {
    for host in [
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xa9fea9fe",
        "0xA9.0xFE.0xa9.0xfe",
        "0251.0376.0251.0376",
        "025177524776",
        "169.254.43518",
        "169.16689662",
        "0xa9.254.0251.254",
        "①⑥⑨。254。169。254",
        "%31%36%39.254.169.254",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[0:0:0:0:0:FFFF:A9FE:A9FE]",
        "[::169.254.169.254]",
        "[::ffff:0:a9fe:a9fe]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[64:ff9b:1:a9fe:a9:fe00::]",
        "[64:ff9b:1:a9:fe:a9fe::]",
        "[64:ff9b:1:1:a9:fea9:fe00:0]",
        "[2002:a9fe:a9fe::1]",
        "[2001:0:c000:201:8000:63bf:5601:5601]",
        "[2001:db8::5efe:169.254.169.254]",
        "[2001:db8::200:5efe:a9fe:a9fe]",
        "[fd00:ec2::254]",
        "[fd00:0ec2:0::0254]",
        "[fd00:ec2::23]",
        "[fd20:ce::254]",
        "[fd00:c1::a9fe:a9fe]",
        "100.100.100.200",
        "0x646464c8",
        "[::ffff:100.100.100.200]",
        "169.254.170.2",
        "169.254.170.23",
        "168.63.129.16",
    ] {
        let url = format!("http://me:pw@{host}:8080/latest/meta-data");
        assert_eq!(kind(&url), Some(AddressKind::Metadata), "{host}");
    }
}

#[test]
fn addresses_that_are_no_hosts_are_refused_and_say_what_to_write() {
    use AddressKind::{Broadcast, LinkLocal, Multicast, Unspecified};
    for (host, expected) in [
        ("0.0.0.0", Unspecified),
        ("0", Unspecified),
        ("0x0", Unspecified),
        ("0.1.2.3", Unspecified),
        ("[::]", Unspecified),
        ("[::ffff:0.0.0.0]", Unspecified),
        ("[64:ff9b::]", Unspecified),
        ("169.254.0.1", LinkLocal),
        ("169.254.255.255", LinkLocal),
        ("[fe80::1]", LinkLocal),
        ("[febf:ffff::1]", LinkLocal),
        ("[::ffff:169.254.1.1]", LinkLocal),
        ("224.0.0.1", Multicast),
        ("239.255.255.250", Multicast),
        ("[ff02::1]", Multicast),
        ("[2002:e000:1::]", Multicast),
        ("255.255.255.255", Broadcast),
        ("4294967295", Broadcast),
    ] {
        assert_eq!(kind(&format!("https://{host}/")), Some(expected), "{host}");
    }
    let told = |url: &str| {
        check(&TargetPolicy::default(), url)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        told("http://0:8080/"),
        "0.0.0.0 is the address of no host; use 127.0.0.1 for this machine"
    );
    assert_eq!(
        told("http://2852039166/"),
        "169.254.169.254 is a metadata address, where machines of a cloud get credentials; it has to be allowed (--allow-target 169.254.169.254, AllowTargets of a stack)"
    );
    assert_eq!(
        told("http://[2002:e000:1::]/"),
        "2002:e000:1:: leads to 224.0.0.1, which is a multicast address; it has to be allowed (--allow-target 224.0.0.1, AllowTargets of a stack)"
    );
}

#[test]
fn everything_else_is_a_target() {
    for host in [
        "127.0.0.1",
        "127.1",
        "localhost",
        "[::1]",
        "10.0.0.1",
        "192.168.1.20",
        "172.16.0.1",
        "100.64.0.1",
        "100.100.100.201",
        "169.253.255.255",
        "169.255.0.0",
        "192.0.0.193",
        "223.255.255.255",
        "240.0.0.1",
        "255.255.255.254",
        "1.1.1.1",
        "[fd00:ec3::254]",
        "[fec0::1]",
        "[fdff::1]",
        "[2001:db8::1]",
        "[2606:4700::1111]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1:a00:0:100::]",
        "[64:ff9b:1:1:a:0:100:0]",
        "[::ffff:127.0.0.1]",
        "metadata.example",
        "xn--bcher-kva.example",
    ] {
        assert_eq!(kind(&format!("http://{host}/")), None, "{host}");
    }
}

#[test]
fn what_is_allowed_is_a_target_by_address_range_or_name() {
    let metadata = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
    let nat64: IpAddr = "64:ff9b::a9fe:a9fe".parse().unwrap();
    for entry in [
        "169.254.169.254",
        "0xa9fea9fe",
        "::ffff:169.254.169.254",
        "169.254.0.0/16",
        "::ffff:169.254.0.0/112",
        "0.0.0.0/0",
    ] {
        let policy = policy(&[entry], &[]);
        assert_eq!(check(&policy, "http://2852039166/"), Ok(()), "{entry}");
        assert_eq!(policy.check_address("any.example", metadata), Ok(()));
        // Another form of the same address is the same address.
        assert_eq!(
            policy.check_address("any.example", nat64),
            Ok(()),
            "{entry}"
        );
        assert!(check(&policy, "http://[fe80::1]/").is_err(), "{entry}");
    }
    let by_form = policy(&["64:ff9b::/96"], &[]);
    assert_eq!(by_form.check_address("", nat64), Ok(()));
    assert!(by_form.check_address("", metadata).is_err());

    let by_name = policy(&["imds.test", "*.lab.test"], &[]);
    for (host, is_allowed) in [
        ("imds.test", true),
        ("imds.test.", true),
        ("a.imds.test", false),
        ("x.lab.test", true),
        ("x.y.lab.test", true),
        ("lab.test", false),
        ("xlab.test", false),
        (".lab.test", false),
        ("other.test", false),
    ] {
        let checked = by_name.check_address(host, metadata);
        assert_eq!(checked.is_ok(), is_allowed, "{host}");
    }
    assert!(check(&by_name, "http://169.254.169.254/").is_err());
}

#[test]
fn the_only_targets_leave_nothing_else() {
    let address = |text: &str| -> IpAddr { text.parse().unwrap() };
    let names = policy(&[], &["shop.example", "*.shop.example"]);
    assert_eq!(check(&names, "http://SHOP.example./"), Ok(()));
    assert_eq!(check(&names, "http://a.b.shop.example/"), Ok(()));
    for url in [
        "http://other.example/",
        "http://127.0.0.1/",
        "http://[::1]/",
    ] {
        assert!(
            matches!(check(&names, url), Err(ForbiddenTarget::NotListed(_))),
            "{url}"
        );
    }
    assert_eq!(
        names.check_address("shop.example", address("10.9.9.9")),
        Ok(())
    );
    // A name that is listed does not lead to what is no target.
    let metadata = address("169.254.169.254");
    assert!(names.check_address("shop.example", metadata).is_err());
    assert!(
        names
            .check_address("other.example", address("10.9.9.9"))
            .is_err()
    );

    let both = policy(&[], &["10.0.0.0/8", "shop.example"]);
    // Where a name leads is not known before it is looked up.
    assert_eq!(check(&both, "http://other.example/"), Ok(()));
    assert_eq!(
        both.check_address("other.example", address("10.9.9.9")),
        Ok(())
    );
    assert_eq!(
        both.check_address("other.example", address("::ffff:10.9.9.9")),
        Ok(())
    );
    let refused = both
        .check_address("other.example", address("11.0.0.1"))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "11.0.0.1 is not among the only targets that are allowed (--only-target, OnlyTargets of a stack)"
    );
    // Whoever lists 169.254.0.0/16 must still say that metadata is meant.
    let link = policy(&[], &["169.254.0.0/16"]);
    assert!(link.check_address("", metadata).is_err());
    let opened = policy(&["169.254.169.254"], &["169.254.0.0/16"]);
    assert_eq!(opened.check_address("", metadata), Ok(()));
    assert!(opened.check_address("", address("10.0.0.1")).is_err());
}

#[test]
fn entries_that_are_no_targets_are_faults_all_at_once() {
    let wrong = [
        ("http://shop.example/", "without scheme, port and path"),
        ("shop.example:80", "without scheme, port and path"),
        ("shop.example/cart", "without scheme, port and path"),
        ("10.0.0.0/33", "from 0 to 32"),
        ("10.0.0.0/", "from 0 to 32"),
        ("10.0.0.0/+8", "from 0 to 32"),
        ("fd00::/129", "from 0 to 128"),
        ("10.1.2.3/8", "did you mean 10.0.0.0/8?"),
        ("fd00::1/8", "did you mean fd00::/8?"),
        ("*", "without scheme, port and path"),
        ("*.10.0.0.1", "without scheme, port and path"),
        ("a*.example", "without scheme, port and path"),
        (".", "without scheme, port and path"),
        ("a b", "without scheme, port and path"),
        ("[10.0.0.1]", "without scheme, port and path"),
        ("[fe80::1%eth0]", "without scheme, port and path"),
        ("", "has an empty entry"),
        ("a.example,,b.example", "has an empty entry"),
    ];
    let given: Vec<&str> = wrong.iter().map(|row| row.0).collect();
    let Faults(faults) =
        TargetPolicy::parse(&[], &given, ("--allow-target", "--only-target")).unwrap_err();
    assert_eq!(faults.len(), wrong.len(), "{faults:?}");
    for (fault, (entry, part)) in faults.iter().zip(wrong) {
        assert_eq!(fault.path, "--only-target");
        assert!(fault.reason.contains(part), "{entry}: {}", fault.reason);
    }
    let long: Vec<String> = (0..200).map(|n| format!("host-{n}.example")).collect();
    let error = TargetPolicy::parse(&long, &[], ("--allow-target", "")).unwrap_err();
    assert!(error.to_string().contains("at most 1024"), "{error}");
}

#[test]
fn a_policy_travels_through_the_environment() {
    let policy = policy(
        &["[FD00:EC2::254]", "169.254.0.0/16, IMDS.test."],
        &["*.Bücher.example", "10.0.0.0/8", "10.0.0.0/8"],
    );
    let env = policy.to_env();
    assert_eq!(
        env,
        [
            (
                ALLOW_TARGETS,
                "fd00:ec2::254,169.254.0.0/16,imds.test".to_owned()
            ),
            (
                ONLY_TARGETS,
                "*.xn--bcher-kva.example,10.0.0.0/8".to_owned()
            ),
        ]
    );
    let get = |name: &str| {
        let found = env.iter().find(|row| row.0 == name);
        found.map(|row| row.1.clone())
    };
    assert_eq!(TargetPolicy::from_env(get), Ok(policy.clone()));
    assert_eq!(
        policy.lists()[1].as_deref(),
        Some("*.xn--bcher-kva.example, 10.0.0.0/8")
    );
    let none = TargetPolicy::from_env(|_| Some(String::new())).unwrap();
    assert_eq!((none.to_env(), none), (Vec::new(), TargetPolicy::default()));
    let wrong = TargetPolicy::from_env(|_| Some("a:1".to_owned())).unwrap_err();
    assert_eq!(wrong.0.len(), 2);
    assert!(wrong.to_string().starts_with("DLT_ALLOW_TARGETS: \"a:1\""));
}

/// The ways in which a URL may write an address of IPv4.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let bits = address.to_bits();
    let [a, b, c, d] = address.octets();
    let v6 = |bits: u128| format!("[{}]", Ipv6Addr::from_bits(bits));
    let wide = u128::from(bits);
    vec![
        address.to_string(),
        format!("{address}."),
        bits.to_string(),
        format!("0x{bits:x}"),
        format!("0{bits:o}"),
        format!("{a}.0x{b:X}.0{c:o}.{d}"),
        format!("{a}.{b}.{}", bits & 0xffff),
        format!("0x{a:x}.{}", bits & 0xff_ffff),
        v6(wide | 0xffff << 32),
        v6(wide | 0xffff << 48),
        v6(wide | 0x64_ff9b << 96),
        v6(wide << 80 | 0x2002 << 112 | 1),
        v6(u128::from(!bits) | 0x2001_0000 << 96),
        v6(wide | 0x5efe << 32 | 0x2001_0db8 << 96),
    ]
}

proptest! {
    /// However an address is written, it is judged as itself, and allowing it allows it.
    #[test]
    fn every_spelling_is_the_same_address(
        bits in prop_oneof![any::<u32>(), 0xa9fe_0000..=0xa9fe_ffffu32, 0xdfff_fff0..=0xe000_000fu32]
    ) {
        let address = Ipv4Addr::from_bits(bits);
        let usual = TargetPolicy::default();
        let expected = usual.check_address("", address.into()).is_ok();
        let opened = policy(&[&address.to_string()], &[]);
        for host in spellings(address) {
            let url = format!("http://{host}:81/");
            prop_assert_eq!(check(&usual, &url).is_ok(), expected, "{}", url);
            prop_assert!(check(&opened, &url).is_ok(), "{}", url);
        }
    }

    /// A range has the addresses that begin with its bits, and no others.
    #[test]
    fn a_range_has_what_begins_with_its_bits(
        bits in any::<u128>(), length in 0u8..=128, other in any::<u128>(), flip in 0u8..128, six in any::<bool>()
    ) {
        let width = if six { 128 } else { 32 };
        let (length, flip) = (length % (width + 1), flip % width);
        let make = |bits: u128| -> IpAddr {
            match six {
                // None that is of IPv4 in another form.
                true => Ipv6Addr::from_bits(bits | 0x2000 << 112).into(),
                false => Ipv4Addr::from_bits(bits as u32).into(),
            }
        };
        let range = IpNet::new(make(bits), length).unwrap().trunc();
        let only = policy(&[], &[&range.to_string()]);
        let kept = |address: IpAddr| only.only[0].has_address(address);
        prop_assert!(kept(make(bits)));
        prop_assert_eq!(kept(make(other)), range.contains(&make(other)));
        let flipped = make(bits ^ 1 << flip);
        let is_behind = width - flip > length || flipped == make(bits);
        prop_assert_eq!(kept(flipped), is_behind);
    }

    /// Whatever is read is written so that it is read as the same again.
    #[test]
    fn entries_survive_the_environment(entry in "[ -~]{0,24}|[0-9a-f:.]{2,20}/[0-9]{1,3}|(\\*\\.)?[a-z0-9-]{1,8}(\\.[a-z]{1,5}){0,3}") {
        let Ok(policy) = TargetPolicy::parse(&[entry.as_str()], &[], ("a", "b")) else {
            return Ok(());
        };
        let text = policy.to_env()[0].1.clone();
        let again = TargetPolicy::parse(&[text.as_str()], &[], ("a", "b"));
        prop_assert_eq!(again, Ok(policy));
    }
}

/// What addresses a name has is the proxy's to know: ranges cannot say that it is meant.
#[test]
fn names_of_metadata_services_are_refused_where_a_proxy_looks_them_up() {
    let usual = policy(&[], &[]);
    for name in [
        "metadata.google.internal",
        "METADATA.google.internal.",
        "instance-data",
    ] {
        let why = usual.check_unresolved(name).unwrap_err().to_string();
        assert!(why.contains("--allow-target"), "{why}");
    }
    assert_eq!(usual.check_unresolved("metadata.example.com"), Ok(()));
    let allowed = policy(&["metadata.google.internal"], &[]);
    assert_eq!(allowed.check_unresolved("metadata.google.internal"), Ok(()));
}

#[test]
fn a_name_that_a_proxy_looks_up_has_to_be_listed_by_name() {
    assert_eq!(
        TargetPolicy::default().check_unresolved("shop.test"),
        Ok(())
    );
    let ranges = policy(&[], &["10.0.0.0/8", "*.listed.test"]);
    assert_eq!(ranges.check_unresolved("a.listed.test"), Ok(()));
    let why = ranges
        .check_unresolved("shop.test")
        .unwrap_err()
        .to_string();
    assert!(
        why.starts_with("shop.test is looked up by the proxy") && why.contains("list its name"),
        "{why}"
    );
}
