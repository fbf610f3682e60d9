//! Clients that connect and then do nothing. With one connection at a time, whoever comes next shows when it ended.

use std::{io::ErrorKind, time::Duration};

use caisson::api::Connections;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::server::{Arrange, Server};

/// One connection at a time, and little patience with it.
async fn narrow(metrics: fn() -> String) -> Server {
    let connections = Connections { most: 1, patience: Duration::from_millis(50) };
    Arrange { connections, metrics, ..Arrange::default() }.start().await
}

/// A client that sends this much of a request.
async fn begun(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

#[tokio::test]
async fn a_client_that_sends_no_request_is_hung_up_on_and_makes_room() {
    let server = narrow(String::new).await;
    for bytes in [&b""[..], b"GET /healthz HTTP/1.1\r\nhost: x\r\n"] {
        let idle = begun(&server, bytes).await;
        assert_eq!(server.get("/healthz").await.status, 200);
        // Before the other was answered: there is room for one.
        let end = idle.try_read(&mut [0; 1000]);
        assert!(end.as_ref().is_ok_and(|read| *read == 0), "{end:?}");
    }
}

#[tokio::test]
async fn a_connection_that_was_used_and_is_idle_makes_room_too() {
    let server = narrow(String::new).await;
    let mut used = begun(&server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut answer = [0; 1000];
    let read = used.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    assert_eq!(server.get("/healthz").await.status, 200);
    assert!(matches!(used.try_read(&mut answer), Ok(0)));
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_hung_up_on() {
    // More than the buffers of a connection hold.
    let server = narrow(|| "x".repeat(64 << 20)).await;
    let mut deaf = begun(&server, b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(server.get("/healthz").await.status, 200);
    let mut taken = Vec::new();
    match deaf.read_to_end(&mut taken).await {
        Ok(_) => assert!(taken.len() < 64 << 20, "the whole answer came"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_who_asks_nothing() {
    let server = Arrange::warm().await;
    let mut idle = begun(&server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_ne!(idle.read(&mut [0; 1000]).await.unwrap(), 0);
    server.stop().await.unwrap();
    assert_eq!(server_is_gone(idle.peer_addr().unwrap()).await, ErrorKind::ConnectionRefused);
}

async fn server_is_gone(address: std::net::SocketAddr) -> ErrorKind {
    TcpStream::connect(address).await.expect_err("nobody listens").kind()
}

#[tokio::test]
async fn one_connection_serves_request_after_request() {
    let server = Arrange::warm().await;
    let mut stream = begun(&server, &b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3)).await;
    let mut answers = Vec::new();
    while answers.windows(12).filter(|line| line == b"HTTP/1.1 200").count() < 3 {
        assert_ne!(stream.read_buf(&mut answers).await.unwrap(), 0, "it hung up");
    }
}
