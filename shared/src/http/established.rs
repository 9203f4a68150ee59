//! Whether a connection is still open, as the kernel has it.
//!
//! A client does not say what became of the connections in its pool, and nothing may be sent to find out.

use std::net::SocketAddr;

/// The state of a connection that both ends hold open (Linux's `TCP_ESTABLISHED`).
const ESTABLISHED: &str = "01";

/// Whether there is an open connection from this address. Where the kernel does not tell, there is none.
///
/// <https://docs.kernel.org/networking/proc_net_tcp.html>
pub(super) fn is_established(local: SocketAddr) -> bool {
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .iter()
        .any(|table| std::fs::read_to_string(table).is_ok_and(|table| has_established(&table, local.port())))
}

/// Of each row of the table, after its number and a colon, the first column is the local address, in hexadecimal, and
/// the third the state.
fn has_established(table: &str, port: u16) -> bool {
    let port = format!(":{port:04X}");
    table.lines().skip(1).any(|row| {
        let mut columns = row.split_whitespace().skip(1);
        columns.next().is_some_and(|local| local.ends_with(&port)) && columns.nth(1) == Some(ESTABLISHED)
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_row_is_read_by_its_columns() {
        let table = "  sl  local_address rem_address   st tx_queue\n\
                     \x20  0: 0100007F:1F90 0100007F:C350 01 00000000:00000000\n\
                     \x20  1: 0100007F:1F91 0100007F:1F92 08 00000000:00000000\n";
        assert!(has_established(table, 0x1F90));
        for port in [0x1F91, 0x1F92, 0xC350, 0x1F9] {
            assert!(!has_established(table, port), "{port:X}");
        }
        assert!(!has_established("", 1));
    }

    #[test]
    fn a_connection_that_the_other_end_closed_is_open_no_more() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (other_end, _) = listener.accept().unwrap();
        let local = connection.local_addr().unwrap();
        assert!(is_established(local));
        drop(other_end);
        // Its end has arrived when it can be read.
        assert_eq!(std::io::Read::read(&mut &connection, &mut [0]).unwrap(), 0);
        assert!(!is_established(local));
    }
}
