//! Cases for tests: inputs of the corpus, changed by a seeded generator. Coverage guides nothing
//! here; that is `cargo xtask fuzz`.

/// Bytes at which parsers decide.
const SIGNS: &[u8] = b"\r\n\0\t :;,=\"'{}[]<>&$%/\\#-+.0129aAzZ\x7f\x80\xff";
/// Longest case, bytes.
const LONGEST: usize = 4_096;
/// Most changes of one input.
const MOST_CHANGES: u64 = 6;

/// Makes cases; the same seed makes the same.
#[derive(Debug)]
pub struct Mutator(u64);

impl Mutator {
    /// With this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `most`, which is at least 1.
    fn below(&mut self, most: usize) -> usize {
        // Xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }

    /// A case made of these inputs.
    pub fn case(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut case = match corpus.len() {
            0 => Vec::new(),
            inputs => corpus[self.below(inputs)].clone(),
        };
        for _ in 0..=self.below(MOST_CHANGES as usize) {
            self.change(&mut case, corpus);
        }
        case.truncate(LONGEST);
        case
    }

    fn change(&mut self, case: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(case.len() + 1);
        let end = at + self.below((case.len() - at).min(16) + 1);
        let sign = SIGNS[self.below(SIGNS.len())];
        match self.below(8) {
            0 => case.truncate(at),
            1 => drop(case.drain(at..end)),
            2 => case.insert(at, sign),
            3 => {
                let part = case[at..end].repeat(1 + self.below(20));
                case.splice(at..at, part);
            }
            4 if !corpus.is_empty() => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len() + 1);
                case.splice(at.., other[from..].iter().copied());
            }
            5 => {
                if let Some(byte) = case.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            6 => {
                if let Some(byte) = case.get_mut(at) {
                    *byte = self.below(256) as u8;
                }
            }
            _ => {
                if let Some(byte) = case.get_mut(at) {
                    *byte = sign;
                }
            }
        }
    }
}
