//! Real answers that are spoilt on the wire, in the sandbox and through a door in front of another server.

use std::time::Duration;

use sandbox::{DEFAULT_PAT, Door, Fault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::caller::{Caller, fixed};

const PATH: &str = "/users/me";

/// What a plain connection to `url` gets for a request until it ends, and how it ends.
async fn read(url: &str) -> (Vec<u8>, std::io::Result<()>) {
    let address = url.replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request =
        format!("GET {PATH} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {DEFAULT_PAT}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await.map(drop);
    (bytes, end)
}

/// The same, head and body apart.
async fn parts(url: &str) -> (String, Vec<u8>, std::io::Result<()>) {
    let (bytes, end) = read(url).await;
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(bytes[..head].to_vec()).unwrap(), bytes[head + 4..].to_vec(), end)
}

/// Every fault through the sandbox and through a door in front of it.
async fn both(fault: &Fault) -> (Caller, Door, [String; 2], String) {
    let caller = Caller::start(fixed()).await;
    let whole = caller.get(PATH, &[]).await.text().await.unwrap();
    let door = Door::to(&caller.sandbox.base_url()).await.unwrap();
    caller.sandbox.fault(PATH, 1, fault.clone());
    let urls = [caller.sandbox.base_url(), door.url()];
    (caller, door, urls, whole)
}

#[tokio::test]
async fn a_reset_in_the_body_comes_after_its_beginning() {
    let (_caller, door, urls, whole) = both(&Fault::ResetInBody { after: 25 }).await;
    for (index, url) in urls.iter().enumerate() {
        if index == 1 {
            door.fault(PATH, 1, Fault::ResetInBody { after: 25 });
        }
        let (head, body, end) = parts(url).await;
        assert!(head.contains(&format!("content-length: {}", whole.len())), "{head}");
        assert_eq!(body, &whole.as_bytes()[..25]);
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn a_hang_in_the_body_keeps_the_connection_open() {
    let (caller, ..) = both(&Fault::HangInBody { after: 25 }).await;
    let mut response = caller.get(PATH, &[]).await;
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 25);
    assert!(timeout(Duration::from_millis(200), response.chunk()).await.is_err());
}

#[tokio::test]
async fn a_drip_is_whole_in_the_end() {
    let (caller, _, _, whole) = both(&Fault::Drip { milliseconds: 1 }).await;
    let began = Instant::now();
    let text = caller.get(PATH, &[]).await.text().await.unwrap();
    assert_eq!(text, whole);
    assert!(began.elapsed() >= Duration::from_millis(u64::try_from(whole.len()).unwrap()));
}

#[tokio::test]
async fn a_wrong_length_leaves_bytes_behind_it() {
    let (_caller, _door, [url, _], whole) = both(&Fault::WrongLength { missing: 10 }).await;
    let (head, body, _) = parts(&url).await;
    assert!(head.contains(&format!("content-length: {}", whole.len() - 10)), "{head}");
    assert_eq!(body, whole.as_bytes());
}

#[tokio::test]
async fn one_byte_more_makes_it_no_text() {
    let (_caller, _door, [url, _], whole) = both(&Fault::NotUtf8).await;
    let (head, mut body, _) = parts(&url).await;
    assert!(head.contains(&format!("content-length: {}", whole.len() + 1)), "{head}");
    assert!(String::from_utf8(body.clone()).is_err());
    body.retain(|byte| *byte != 0xff);
    assert_eq!(body, whole.as_bytes());
}

#[tokio::test]
async fn garbage_is_what_was_ordered() {
    let (_caller, _door, [url, _], _) = both(&Fault::Garbage { bytes: "220 ready\r\n".to_owned() }).await;
    assert_eq!(read(&url).await.0, b"220 ready\r\n");
}

#[tokio::test]
async fn an_endless_answer_goes_on() {
    let (caller, ..) = both(&Fault::Endless).await;
    let mut response = caller.get(PATH, &[]).await;
    let mut length = 0;
    while length < 10_000_000 {
        length += response.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn a_bomb_is_small_until_it_is_unpacked() {
    let (caller, ..) = both(&Fault::Bomb { mebibytes: 64 }).await;
    let response = caller.get(PATH, &[]).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let packed = response.bytes().await.unwrap();
    assert!(packed.len() < 100_000, "{}", packed.len());
    let mut unpacked = flate2::read::MultiGzDecoder::new(&*packed);
    assert_eq!(std::io::copy(&mut unpacked, &mut std::io::sink()).unwrap(), 64 * 1024 * 1024);
}

#[tokio::test]
async fn a_door_hands_on_what_it_is_not_ordered_to_spoil() {
    let caller = Caller::start(fixed()).await;
    let whole = caller.get(PATH, &[]).await.text().await.unwrap();
    let door = Door::to(&caller.sandbox.base_url()).await.unwrap();
    let through = async |path: &str| {
        let request = caller.http.get(format!("{}{path}", door.url())).bearer_auth(DEFAULT_PAT);
        request.send().await.unwrap()
    };
    assert_eq!(through(PATH).await.text().await.unwrap(), whole);
    door.fault(PATH, 1, Fault::status(503));
    assert_eq!(through(PATH).await.status().as_u16(), 503);
    assert_eq!(through("/nowhere").await.status().as_u16(), 404);
    door.fault(PATH, 9, Fault::status(503));
    door.clear_faults();
    assert_eq!(through(PATH).await.text().await.unwrap(), whole);
    let paths: Vec<_> = caller.sandbox.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, [PATH, PATH, "/nowhere", PATH]);
    drop(caller.sandbox);
    assert_eq!(through_nobody(&door).await, 502);
}

async fn through_nobody(door: &Door) -> u16 {
    crate::caller::client().get(door.url()).send().await.unwrap().status().as_u16()
}
