//! Requests that mean harm: each is answered by what is wrong with it, and leaves nothing.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures_util::stream;
use pgrepo::Db;
use pgrepo::testkit::TestDatabase;
use pgrepo_service::Settings;
use pgrepo_service::client::Client;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::support::{CSV, HEADER, LONG, NDJSON, Running, body, id, line, lines, raw, service, settings, stored, told};

/// The upload is refused with this status and reason, and nothing of it is there.
async fn refused(client: &mut Client, kind: &str, body: impl Into<Body>, status: u16, reason: &str, db: &Db) {
    let id = id();
    let answer = client.upload(id, kind, body).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.reason()), (status, reason), "{}", answer.json());
    assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
    assert_eq!(client.get(&format!("/uploads/{id}")).await.unwrap().status.as_u16(), 404);
    assert_eq!((stored(db, None).await, told(db).await), (0, 0));
}

#[pgrepo::test]
async fn what_is_no_upload_is_refused_with_its_reason(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let good = lines("A", 3_000);
    let with = |rest: &[u8]| [good.as_bytes(), rest].concat();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let nested = format!("{{\"icao\":{}1{}}}\n", "[".repeat(100_000), "]".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        (NDJSON, Vec::new(), 422, "no-rows"),
        (NDJSON, b"\n\n\n".to_vec(), 422, "no-rows"),
        (NDJSON, b"{".to_vec(), 422, "no-good-rows"),
        (NDJSON, b"[1, 2]\nnull\n\"text\"\n".to_vec(), 422, "no-good-rows"),
        (NDJSON, nested.into_bytes(), 422, "no-good-rows"),
        (NDJSON, line("AAAA").replace("\"iata\"", "\"surplus\":1,\"iata\"").into_bytes(), 422, "no-good-rows"),
        (NDJSON, line("AAAA").replace("1674.5", "1e400").into_bytes(), 422, "no-good-rows"),
        (NDJSON, line("AAAA").replace("Bern", "B\\u0000").into_bytes(), 422, "no-good-rows"),
        (NDJSON, line("AAAA").replace("AAAA Field", "\\u0000").into_bytes(), 422, "no-good-rows"),
        (NDJSON, line("AAAA").replace("Bern", "\\ud800").into_bytes(), 422, "no-good-rows"),
        (NDJSON, with("no JSON\n".repeat(1_001).as_bytes()), 422, "too-many-bad-lines"),
        (NDJSON, with(b"\xff\xfe\xfd\n"), 400, "not-utf8"),
        (NDJSON, with(b"{\"icao\": \"Z\xfcrich\"}\n"), 400, "not-utf8"),
        (NDJSON, with(&[b'x'; 2 << 20]), 413, "line-too-long"),
        (NDJSON, utf16(&good), 422, "too-many-bad-lines"),
        (CSV, Vec::new(), 422, "unreadable"),
        (CSV, b"no,such,columns\n1,2,3\n".to_vec(), 422, "unreadable"),
        (CSV, HEADER.as_bytes().to_vec(), 422, "no-rows"),
        (CSV, HEADER.repeat(2).replace("icao", "icao,icao").into_bytes(), 422, "unreadable"),
        (CSV, format!("{HEADER}\"AAAA,,One\nno end").into_bytes(), 422, "unreadable"),
        (CSV, format!("{HEADER}\"{}", "line\n".repeat(1 << 19)).into_bytes(), 422, "unreadable"),
        (CSV, format!("{HEADER}{}", ",".repeat(100_000)).into_bytes(), 422, "unreadable"),
        (CSV, utf16(HEADER), 422, "unreadable"),
        (CSV, [b"\xff\xfe".to_vec(), utf16(HEADER)].concat(), 400, "not-utf8"),
        (CSV, good.clone().into_bytes(), 422, "unreadable"),
        ("text/csv; charset=iso-8859-1", HEADER.as_bytes().to_vec(), 415, "media-type"),
        ("text/plain", HEADER.as_bytes().to_vec(), 415, "media-type"),
        ("", HEADER.as_bytes().to_vec(), 415, "media-type"),
    ];
    for (kind, body, status, reason) in cases {
        refused(&mut client, kind, body, status, reason, &db).await;
    }
    running.ended().await;
}

#[pgrepo::test]
async fn a_body_without_an_end_is_refused_at_its_limit(database: TestDatabase) {
    let db = Db::from_url(&database.url()).await.unwrap();
    let limits = Settings { max_body: 4 << 20, ..settings() };
    let running = Running::start(limits, &database.url()).await;
    let mut client = running.client();
    let endless = |piece: Bytes| Body::from_stream(stream::repeat(piece).map_ok());
    refused(&mut client, NDJSON, endless("\n".repeat(1_000).into()), 413, "body-too-large", &db).await;
    refused(&mut client, NDJSON, endless("x".repeat(1_000).into()), 413, "line-too-long", &db).await;
    refused(&mut client, NDJSON, endless("no JSON\n".into()), 422, "too-many-bad-lines", &db).await;
    refused(&mut client, CSV, endless(HEADER.into()), 422, "too-many-bad-lines", &db).await;
    running.ended().await;
}

trait MapOk: futures_util::Stream<Item = Bytes> + Sized {
    fn map_ok(self) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
        futures_util::StreamExt::map(self, Ok)
    }
}

impl<S: futures_util::Stream<Item = Bytes>> MapOk for S {}

#[pgrepo::test]
async fn whoever_falls_silent_or_dawdles_is_told_so_and_leaves_nothing(database: TestDatabase) {
    let db = Db::from_url(&database.url()).await.unwrap();
    let idle = Settings { body_idle: Duration::from_millis(200), ..settings() };
    let running = Running::start(idle, &database.url()).await;
    let (pieces, silent) = body();
    pieces.send(line("AAAA").into()).await.unwrap();
    refused(&mut running.client(), NDJSON, silent, 408, "body-idle", &db).await;
    running.ended().await;

    let slow = Settings { upload_limit: Duration::from_millis(500), ..settings() };
    let running = Running::start(slow, &database.url()).await;
    let (pieces, dawdling) = body();
    let dawdler = tokio::spawn(async move {
        while pieces.send("\n".into()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    refused(&mut running.client(), NDJSON, dawdling, 408, "upload-too-slow", &db).await;
    // Nor may one wait any longer for somebody else's lock.
    let mut tx = db.begin().await.unwrap();
    tx.query("LOCK TABLE airports IN SHARE MODE").execute().await.unwrap();
    let answer = running.client().upload(id(), NDJSON, line("AAAA")).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.reason()), (408, "upload-too-slow"), "{}", answer.json());
    tx.rollback().await.unwrap();
    assert_eq!((stored(&db, None).await, told(&db).await), (0, 0));
    running.ended().await;
    dawdler.await.unwrap();
}

#[pgrepo::test]
async fn more_uploads_than_there_may_be_wait_and_are_turned_away(database: TestDatabase) {
    let limits = Settings { max_uploads: Some(1), upload_wait: Duration::from_millis(100), ..settings() };
    let running = Running::start(limits, &database.url()).await;
    let (mut first, mut second) = (running.client(), running.client());
    let db = Db::from_url(&database.url()).await.unwrap();
    let (pieces, open) = body();
    let upload = tokio::spawn(async move { first.upload(id(), NDJSON, open).await.unwrap() });
    super::support::until(&db, super::support::UNDER_WAY).await;
    let answer = second.upload(id(), NDJSON, line("AAAA")).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.reason()), (429, "too-many-uploads"));
    // Others are served meanwhile.
    assert_eq!(second.get("/airports").await.unwrap().status.as_u16(), 200);
    pieces.send(line("BBBB").into()).await.unwrap();
    drop(pieces);
    assert_eq!(upload.await.unwrap().status.as_u16(), 201);
    assert_eq!(second.upload(id(), NDJSON, line("AAAA")).await.unwrap().status.as_u16(), 201);
    running.ended().await;
}

/// Clients that send nothing, or no end of a head, are let go, so that they do not take all places.
#[pgrepo::test]
async fn whoever_sends_no_request_gives_up_its_place(database: TestDatabase) {
    let limits = Settings { max_clients: 2, head_limit: Duration::from_millis(300), ..settings() };
    let running = Running::start(limits, &database.url()).await;
    let mut nothing = TcpStream::connect(running.address).await.unwrap();
    let mut half = TcpStream::connect(running.address).await.unwrap();
    half.write_all(b"GET /airports HTTP/1.1\r\nhost: x\r\na: ").await.unwrap();
    let mut client = running.client();
    let asked = tokio::time::timeout(LONG, client.get("/airports")).await.expect("a place is free again");
    assert_eq!(asked.unwrap().status.as_u16(), 200);
    for stream in [&mut nothing, &mut half] {
        let mut rest = Vec::new();
        tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await.expect("it is closed").ok();
    }
    running.ended().await;
}

/// Clients that do not read their answers are let go too.
#[pgrepo::test]
async fn whoever_reads_no_answer_gives_up_its_place(database: TestDatabase) {
    let limits = Settings { max_clients: 1, request_limit: Duration::from_millis(300), ..settings() };
    let running = Running::start(limits, &database.url()).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut unread = socket.connect(running.address).await.unwrap();
    // More than the buffers of both sides hold.
    let asks = tokio::spawn(async move {
        for _ in 0..20_000 {
            if unread.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.is_err() {
                break;
            }
        }
        unread
    });
    let mut client = running.client();
    let asked = tokio::time::timeout(LONG, client.get("/metrics")).await.expect("a place is free again");
    assert_eq!(asked.unwrap().status.as_u16(), 200);
    drop(asks.await.unwrap());
    running.ended().await;
}

/// A document that does not come keeps nobody longer than any other request.
#[pgrepo::test]
async fn whoever_sends_no_document_is_told_so(database: TestDatabase) {
    let limits = Settings { request_limit: Duration::from_millis(300), ..settings() };
    let running = Running::start(limits, &database.url()).await;
    let head =
        "POST /airports/search HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n";
    let (line, body) = raw(running.address, head.as_bytes()).await;
    assert!(line.starts_with("HTTP/1.1 408") && body.contains("document-too-slow"), "{line}: {body}");
    running.ended().await;
}

/// Two uploads that wait for each other's keys: the server ends one, which is no fault of the service.
#[pgrepo::test]
async fn of_two_uploads_that_cross_one_is_told_to_come_again(database: TestDatabase) {
    let (running, mut first, db) = service(&database).await;
    let mut second = running.client();
    let ((one, one_body), (two, two_body)) = (body(), body());
    let upload_one = tokio::spawn(async move { first.upload(id(), NDJSON, one_body).await.unwrap() });
    let upload_two = tokio::spawn(async move { second.upload(id(), NDJSON, two_body).await.unwrap() });
    // More than a batch each, so that both have written before they meet.
    one.send(lines("A", 1_500).into()).await.unwrap();
    two.send(lines("B", 1_500).into()).await.unwrap();
    let both = "SELECT (count(*) = 2)::int4::int8 FROM pg_stat_activity WHERE datname = current_database() AND \
        backend_xid IS NOT NULL";
    super::support::until(&db, both).await;
    one.send(lines("B", 1_500).into()).await.unwrap();
    two.send(lines("A", 1_500).into()).await.unwrap();
    drop((one, two));
    let answers = [upload_one.await.unwrap(), upload_two.await.unwrap()];
    let mut told: Vec<_> = answers.iter().map(|answer| (answer.status.as_u16(), answer.reason())).collect();
    told.sort();
    assert_eq!(told, [(201, String::new()), (409, "conflict".to_owned())]);
    running.ended().await;
}

/// What would be SQL, or markup, or a path, if anybody took it for such.
const WORDS: [&str; 16] = [
    "'; DROP TABLE airports; --",
    "\" OR 1=1 --",
    "$1",
    "\\",
    "%",
    "_%\\",
    "\0",
    "a\0b",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "\u{202e}\u{feff}",
    "{{7*7}}",
    "' | ! & ( :*",
    "\r\nx: y",
    "NaN",
    "1e999",
];

#[pgrepo::test]
async fn no_parameter_is_more_than_a_value(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    assert_eq!(client.upload(id(), NDJSON, lines("A", 10)).await.unwrap().status.as_u16(), 201);
    let long = "x".repeat(10_000);
    let encoded = |word: &str| word.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let mut asked = 0;
    for word in WORDS.iter().copied().chain([&*long]) {
        let value = encoded(word);
        let parameters = [
            "country",
            "iata",
            "prefix",
            "words",
            "city",
            "tz",
            "min_elevation",
            "max_elevation",
            "sort",
            "limit",
            "after",
            &value,
        ];
        let paths = parameters.map(|parameter| format!("/airports?{parameter}={value}"));
        let more = [format!("/airports/{value}"), format!("/uploads/{value}"), format!("/{value}")];
        for path in paths.iter().chain(&more) {
            let answer = client.get(path).await.unwrap();
            let status = answer.status.as_u16();
            assert!(status < 500, "{path}: {}", answer.json());
            let none_found = answer.json()["airports"].as_array().is_some_and(Vec::is_empty);
            assert!(
                none_found || (400..500).contains(&status) || is_all_the_same(path, word),
                "{path}: {}",
                answer.json()
            );
            asked += 1;
        }
        for document in [
            json!({"contains": {word: 1}}),
            json!({"contains": {"tz": word}}),
            json!({"contains": {"position": {"lat": [word]}}}),
            json!({"contains": {}, "after": word}),
            json!({"contains": {}, "limit": word}),
            json!({"contains": word}),
            json!({word: {}}),
        ] {
            let answer = client.search(&document).await.unwrap();
            let none_found = answer.json()["airports"].as_array().is_some_and(Vec::is_empty);
            assert!(none_found || answer.status.is_client_error(), "{document}: {}", answer.json());
            asked += 1;
        }
        let path = format!("/uploads/{value}?max_rejects={value}");
        let answer = client.send(Method::PUT, &path, NDJSON, Body::from(line("BBBB"))).await.unwrap();
        assert!(answer.status.is_client_error());
    }
    assert!(asked > 300);
    assert_eq!(stored(&db, None).await, 10);
    running.ended().await;
}

/// The server would look for thousands of words in each name.
#[pgrepo::test]
async fn no_parameter_is_longer_than_what_it_could_find(database: TestDatabase) {
    let (running, mut client, _db) = service(&database).await;
    for parameter in ["country", "iata", "prefix", "words", "city", "tz"] {
        for (length, status) in [(400, 200), (401, 400)] {
            let answer = client.get(&format!("/airports?{parameter}={}", "x".repeat(length))).await.unwrap();
            assert_eq!(answer.status.as_u16(), status, "{parameter} of {length}: {}", answer.json());
        }
    }
    running.ended().await;
}

/// What finds rows since it asks for nothing: a text search without words, an elevation that all have.
fn is_all_the_same(path: &str, word: &str) -> bool {
    (path.contains("elevation=") && matches!(word, "NaN" | "1e999")) || path.starts_with("/airports?words=")
}

#[pgrepo::test]
async fn documents_and_methods_that_cannot_be_meant_are_refused(database: TestDatabase) {
    let (running, mut client, _db) = service(&database).await;
    let deep = format!("{{\"contains\":{}{}}}", "{\"a\":".repeat(200), "1".to_owned() + &"}".repeat(200));
    let large = format!("{{\"contains\":{{\"a\":\"{}\"}}}}", "x".repeat(100_000));
    for (kind, document, status, reason) in [
        ("application/json", "", 400, "invalid-document"),
        ("application/json", "{", 400, "invalid-document"),
        ("application/json", &*deep, 400, "invalid-document"),
        ("application/json", "{\"contains\":{\"a\":1e999}}", 400, "invalid-document"),
        ("application/json", "{\"contains\":{},\"limit\":501}", 400, "invalid-parameter"),
        ("application/json", "{\"contains\":{},\"limit\":0}", 400, "invalid-parameter"),
        ("application/json", "{\"contains\":{\"a\":\"\\u0000\"}}", 400, "invalid-value"),
        ("text/plain", "{\"contains\":{}}", 415, "media-type"),
        ("application/json", &*large, 413, "document-too-large"),
    ] {
        let answer =
            client.send(Method::POST, "/airports/search", kind, Body::from(document.to_owned())).await.unwrap();
        let told = (answer.status.as_u16(), answer.reason());
        assert_eq!(told, (status, reason.to_owned()), "{}: {}", document.get(..60).unwrap_or(document), answer.json());
    }
    for (method, path, status) in [
        (Method::DELETE, "/airports", 405),
        (Method::POST, "/uploads/00000000-0000-0000-0000-000000000000", 405),
        (Method::GET, "/", 404),
        (Method::OPTIONS, "/health", 405),
    ] {
        let answer = client.send(method, path, "", Body::empty()).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert!(!answer.reason().is_empty());
    }
    running.ended().await;
}

#[pgrepo::test]
async fn what_is_no_http_is_refused_and_others_are_served(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let address = running.address;
    let head = format!("PUT /uploads/{} HTTP/1.1\r\nhost: x\r\ncontent-type: {NDJSON}\r\n", id());
    for (request, status) in [
        ("GET\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        ("\0\x01\x02\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000)), "HTTP/1.1 414"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1_000)), "HTTP/1.1 431"),
        (format!("{head}content-length: -1\r\n\r\n"), "HTTP/1.1 400"),
        (format!("{head}content-length: 1\r\ncontent-length: 2\r\n\r\n"), "HTTP/1.1 400"),
        (format!("{head}transfer-encoding: chunked\r\n\r\nno length\r\n"), "HTTP/1.1 400"),
        (format!("{head}content-encoding: gzip\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"), "HTTP/1.1 415"),
    ] {
        let (line, _) = raw(address, request.as_bytes()).await;
        assert!(line.starts_with(status), "{:?}: {line}", request.get(..40));
    }
    // A body that ends before its announced length is no shorter body.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let half = lines("A", 1_500);
    stream.write_all(format!("{head}content-length: {}\r\n\r\n{half}", half.len() * 2).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await.unwrap().ok();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&rest));
    assert_eq!((stored(&db, None).await, told(&db).await), (0, 0));
    assert_eq!(client.get("/airports").await.unwrap().status.as_u16(), 200);
    running.ended().await;
}
