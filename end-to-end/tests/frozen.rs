//! Between invocations Lambda freezes the environment, and connections die unnoticed.
#![cfg(test)]

use std::{
    process::Command,
    sync::{Arc, Mutex},
};

use end_to_end::{Binary, Setup, until};
use sandbox::{Config, DEFAULT_PAT, Sandbox};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinHandle},
};

/// A way to a server whose connections can be cut.
struct Relay {
    url: String,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    listening: JoinHandle<()>,
}

impl Relay {
    async fn to(url: &str) -> Self {
        let server = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(Mutex::new(Vec::new()));
        let opened = connections.clone();
        let listening = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let server = server.clone();
                let connection = tokio::spawn(async move {
                    let mut server = TcpStream::connect(server).await.unwrap();
                    // How it ends is what the test is about.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
                opened.lock().unwrap().push(connection.abort_handle());
            }
        });
        Self { url, connections, listening }
    }

    /// Closes every connection that is open, and says how many were.
    fn cut(&self) -> usize {
        let connections = self.connections.lock().unwrap();
        let open: Vec<_> = connections.iter().filter(|connection| !connection.is_finished()).collect();
        open.iter().for_each(|connection| connection.abort());
        open.len()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

fn signal(signal: &str, process: u32) {
    let status = Command::new("kill").args([signal, &process.to_string()]).status().unwrap();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_in_the_meantime_cost_a_request_nothing_but_time() {
    let calendly = Sandbox::start(Config::default()).await.unwrap();
    let relay = Relay::to(&calendly.base_url()).await;
    let setup = Setup::of(Binary::UserEventTypes).with("CALENDLY_BASE_URL", &relay.url);
    let world = setup.start().await;
    assert!(calendly.event_type_uri(DEFAULT_PAT, "demo").is_some());
    let process = world.function.id().await;
    for round in 0..4 {
        assert_eq!(world.ask(&[]).await.status, 200, "round {round}");
        signal("-STOP", process);
        let open = relay.cut();
        assert!(open > 0, "round {round}: nothing was kept open, so this proves nothing");
        until("the cut connections to be gone", || (relay.cut() == 0).then_some(())).await;
        // The event is there when the environment thaws, as on Lambda.
        let asked = world.ask(&[]);
        let thawed = async { signal("-CONT", process) };
        let (answer, ()) = tokio::join!(asked, thawed);
        assert_eq!(answer.status, 200, "round {round}: {}", answer.body);
    }
}
