//! The name of a CloudFormation stack as users write it: `NAME` or `NAME@AWS-REGION`.

/// Longest name of a stack (CloudFormation's limit), characters.
const LONGEST_NAME: usize = 128;

/// A stack, and its AWS region unless that is the one that AWS's tools are set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackName {
    /// The stack's name.
    pub name: String,
    /// The region that was named.
    pub region: Option<String>,
}

impl StackName {
    /// Reads `NAME` or `NAME@AWS-REGION`; an error says what is wrong with it. Both become
    /// part of requests, the region of a host name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (name, region) = match text.split_once('@') {
            Some((name, region)) => (name, Some(region)),
            None => (text, None),
        };
        let in_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.len() <= LONGEST_NAME
            && name.bytes().all(in_name);
        if !is_name {
            return Err(format!(
                "{text:?} names no stack: write its name, or NAME@AWS-REGION like load@eu-west-1"
            ));
        }
        if let Some(region) = region.filter(|region| !is_region(region)) {
            return Err(format!("{region:?} is no AWS region, like eu-west-1"));
        }
        Ok(Self {
            name: name.to_owned(),
            region: region.map(str::to_owned),
        })
    }
}

impl std::fmt::Display for StackName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        match &self.region {
            Some(region) => write!(f, "@{region}"),
            None => Ok(()),
        }
    }
}

/// Whether a text looks like `eu-west-1`.
pub fn is_region(text: &str) -> bool {
    let in_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.bytes().all(in_region)
        && text.matches('-').count() >= 2
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_or_without_a_region_is_read_and_all_else_is_refused() {
        let read = |text: &str| StackName::parse(text).map(|stack| (stack.name, stack.region));
        assert_eq!(read(" load "), Ok(("load".to_owned(), None)));
        let named = Ok(("load-2".to_owned(), Some("us-gov-west-1".to_owned())));
        assert_eq!(read("load-2@us-gov-west-1"), named);
        for bad in [
            "",
            "@eu-west-1",
            "2load",
            "load stack",
            "load@",
            "load@EU-WEST-1",
            "load@eu-west-1.evil.example",
            "load@eu-west-1@a",
            "https://a.example",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&"a".repeat(129)).is_err());
    }
}
