//! A name server for one name: for programs that have no other source of names. Listening
//! where resolvers ask needs root.

use std::net::{Ipv4Addr, UdpSocket};

/// Where it listens; an address of this machine that nothing else uses.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(127, 53, 1, 1);
/// Asked for an IPv4 address.
const A: u16 = 1;

/// Answers for `name` with 127.0.0.1, and for any other name that there is none, until the
/// test's process ends.
///
/// # Panics
/// When it may not listen.
pub fn serve(name: &str) {
    let socket = UdpSocket::bind((SERVER, 53)).expect("port 53, which needs root");
    let known: Vec<u8> = name
        .split('.')
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .chain([0])
        .collect();
    std::thread::spawn(move || {
        let mut asked = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut asked) {
            if let Some(answer) = answer(&asked[..length], &known) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
}

/// RFC 1035: the header of twelve bytes, the question, the answers.
fn answer(asked: &[u8], known: &[u8]) -> Option<Vec<u8>> {
    let question = asked.get(12..)?;
    let end = question.iter().position(|&byte| byte == 0)? + 1;
    let question = question.get(..end + 4)?;
    let kind = u16::from_be_bytes([question[end], question[end + 1]]);
    let is_known = question[..end].eq_ignore_ascii_case(known);
    let found = is_known && kind == A;
    let mut answer = asked[..2].to_vec();
    // An answer with authority; NXDOMAIN for other names.
    answer.extend([0x85, if is_known { 0x80 } else { 0x83 }]);
    answer.extend([0, 1, 0, u8::from(found), 0, 0, 0, 0]);
    answer.extend(question);
    if found {
        // The name as in the question, an address, for a minute.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}
