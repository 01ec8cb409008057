//! Objects that a runner could not store, as it hands them over to the process that
//! started it: in memory that both share, one object after the other. A part that was
//! not written to its end is none. Which objects, and when, is the runner's affair.

/// Longest key, bytes: longer than any that there is.
const LONGEST_KEY_BYTES: usize = 1_024;

/// These objects, each a key and its bytes.
pub fn encode(objects: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut all = Vec::new();
    for (key, bytes) in objects {
        all.extend_from_slice(&(key.len() as u64).to_be_bytes());
        all.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        all.extend_from_slice(key.as_bytes());
        all.extend_from_slice(bytes);
    }
    all
}

/// The objects that are whole.
pub fn decode(mut all: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut objects = Vec::new();
    while let Some((object, rest)) = next(all) {
        objects.push(object);
        all = rest;
    }
    objects
}

type Object = (String, Vec<u8>);

fn next(all: &[u8]) -> Option<(Object, &[u8])> {
    let (key_bytes, rest) = length(all)?;
    let (bytes, rest) = length(rest)?;
    if key_bytes == 0 || key_bytes > LONGEST_KEY_BYTES {
        return None;
    }
    let (key, rest) = rest.split_at_checked(key_bytes)?;
    let (object, rest) = rest.split_at_checked(bytes)?;
    let key = std::str::from_utf8(key).ok()?.to_owned();
    Some(((key, object.to_vec()), rest))
}

fn length(all: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = all.split_first_chunk::<8>()?;
    Some((usize::try_from(u64::from_be_bytes(*length)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is cut short loses its last objects, and nothing else.
        #[test]
        fn whole_objects_come_back_and_parts_do_not(
            objects in prop::collection::vec(("[a-z/.]{1,40}", prop::collection::vec(any::<u8>(), 0..80)), 0..6),
            cut in 0usize..400,
        ) {
            let all = encode(&objects);
            prop_assert_eq!(&decode(&all), &objects);
            let short = decode(&all[..cut.min(all.len())]);
            prop_assert!(short.len() <= objects.len());
            prop_assert_eq!(&short[..], &objects[..short.len()]);
        }

        #[test]
        fn anything_may_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes);
        }
    }

    #[test]
    fn nothing_written_is_nothing() {
        assert_eq!(decode(&[]), Vec::new());
        assert_eq!(decode(&[0; 64]), Vec::new());
    }
}
