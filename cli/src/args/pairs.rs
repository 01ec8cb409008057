//! Values of flags that are two things: `NAME=VALUE`, `USER:PASSWORD`. The environment is
//! looked up here, so that all else is given what it holds.

/// `NAME=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it like host=staging.example.com".to_owned()),
    }
}

/// `NAME=VALUE`, or `NAME` with its value in the environment, None if it is not set.
pub fn from_environment(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !is_name(name) {
        return Err(format!(
            "{name:?} is no name of a variable of the environment: letters, digits and _"
        ));
    }
    let value = match value {
        Some(value) => Some(value),
        None => match std::env::var(name) {
            Ok(value) => Some(value),
            Err(std::env::VarError::NotPresent) => None,
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(format!(
                    "the value of {name} in the environment is not UTF-8"
                ));
            }
        },
    };
    Ok((name.to_owned(), value))
}

/// `USER:PASSWORD`; a password may be empty and hold colons.
pub fn user(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((user, password)) if !user.is_empty() => Ok((user.to_owned(), password.to_owned())),
        _ if text.parse::<u64>().is_ok() => Err(format!(
            "is a user and a password, like ann:secret; {text} users are -c {text}"
        )),
        _ => {
            Err("write a user and a password, like ann:secret (ann: with an empty one)".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_things_are_told_apart_at_the_first_sign() {
        let both = |one: &str, other: &str| Ok((one.to_owned(), other.to_owned()));
        assert_eq!(pair("a=b=c"), both("a", "b=c"));
        assert_eq!(pair("a="), both("a", ""));
        assert!(pair("=b").is_err() && pair("a").is_err());
        assert_eq!(user("ann:a:b"), both("ann", "a:b"));
        assert_eq!(user("ann:"), both("ann", ""));
        assert!(user("ann").is_err() && user(":b").is_err());
        assert!(user("50").unwrap_err().contains("-c 50"));
    }

    #[test]
    fn the_environment_is_looked_up_by_name() {
        let given = |name: &str, value: &str| Ok((name.to_owned(), Some(value.to_owned())));
        assert_eq!(from_environment("A=b=c"), given("A", "b=c"));
        let path = std::env::var("PATH").unwrap();
        assert_eq!(from_environment("PATH"), given("PATH", &path));
        assert_eq!(
            from_environment("DLT_NO_SUCH_NAME"),
            Ok(("DLT_NO_SUCH_NAME".to_owned(), None))
        );
        for wrong in ["", "=x", "A-B", "é", "A B=x"] {
            assert!(from_environment(wrong).is_err(), "{wrong}");
        }
    }
}
