//! Uploads of any size, good or bad, take flat memory: measured on a process of its own.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use pgrepo::Db;
use pgrepo::testkit::{TestDatabase, skip};
use pgrepo_service::client::Client;

use super::support::{NDJSON, Process, id, line, lines, stored};

/// The most memory that a process has held so far, in KiB, without its program's pages.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = |name: &str| -> Option<u64> {
        status.lines().find_map(|line| line.strip_prefix(name))?.trim().trim_end_matches(" kB").parse().ok()
    };
    Some(kib("VmHWM:")? - kib("RssFile:")?)
}

/// So many pieces one after the other.
fn pieces(count: usize, piece: impl Fn(usize) -> Bytes + Send + 'static) -> Body {
    Body::from_stream(stream::iter((0..count).map(move |number| Ok::<_, std::io::Error>(piece(number)))))
}

#[pgrepo::test(flavor = "multi_thread")]
async fn hostile_and_long_uploads_take_flat_memory(database: TestDatabase) {
    let process = Process::start(&[("DATABASE_URL", &database.url()), ("SERVICE_MAX_LINE", "300000000")]);
    let narrow = Process::start(&[("DATABASE_URL", &database.url())]);
    let Some(before) = peak(narrow.child.id()) else {
        return skip("the memory of an upload", "/proc/…/status", "use Linux");
    };
    let (mut client, db) = (Client::new(narrow.address), Db::from_url(&database.url()).await.unwrap());
    let mib = Bytes::from(vec![b'x'; 1 << 20]);

    // A line of 100 MiB, and one of 100 MiB behind rows that would be good.
    let long = mib.clone();
    let answer = client.upload(id(), NDJSON, pieces(100, move |_| long.clone())).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.reason()), (413, "line-too-long"));
    let long = mib.clone();
    let mixed = pieces(101, move |number| if number == 0 { lines("A", 3_000).into() } else { long.clone() });
    let answer = client.upload(id(), NDJSON, mixed).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.reason()), (413, "line-too-long"));
    // A thousand bad lines of nearly 1 MiB, each of which is a string where a number should be.
    let bad = line("AAAA").replace("1674.5", &format!("\"{}\"", "y".repeat((1 << 20) - 500)));
    let bad = Bytes::from(bad);
    let many = pieces(1_000, move |number| if number == 0 { line("GOOD").into() } else { bad.clone() });
    let answer = client.upload(id(), NDJSON, many).await.unwrap();
    assert_eq!(answer.status.as_u16(), 201, "{}", answer.reason());
    // And 200,000 good ones.
    let good = pieces(200, |number| lines(&format!("{number}x"), 1_000).into());
    assert_eq!(client.upload(id(), NDJSON, good).await.unwrap().status.as_u16(), 201);
    assert_eq!(stored(&db, None).await, 200_001);
    let after = peak(narrow.child.id()).unwrap();
    println!("peak {before} KiB before, {after} KiB after");
    assert!(after < before + 48 * 1024, "{before} KiB before, {after} KiB after");

    // The measure sees what is not flat: where such a line is let in, it is kept.
    let mut wide = Client::new(process.address);
    let long = mib.clone();
    let answer = wide.upload(id(), NDJSON, pieces(100, move |_| long.clone())).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.reason()), (422, "no-good-rows"));
    assert!(peak(process.child.id()).unwrap() > before + 90 * 1024);
}
