//! What an upload stores, and how its id tells of it.

use axum::body::Body;
use axum::http::Method;
use pgrepo::testkit::{Cut, Message, Proxy, TestDatabase};
use serde_json::{Value, json};

use super::support::{
    CSV, HEADER, LONG, NDJSON, Running, UNDER_WAY, body, id, line, lines, service, settings, stored, told, until,
};

#[pgrepo::test]
async fn good_lines_are_stored_and_bad_ones_come_back_by_line(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let text = format!(
        "{HEADER}AAAA,,One,Bern,,CH,1,2,3,Europe/Zurich\n\
         BBBB,,Two,Bern,,CH,high,2,3,Europe/Zurich\n\
         CCCC,,\"Three,\nof two lines\",Bern,,CH,1,2,3,Europe/Zurich\n\
         DDDD,,Four,Bern,,ch,1,2,3,Europe/Zurich\n\
         EEEE,,Five,Bern\n\
         AAAA,,Six,Bern,,CH,1,2,3,Europe/Zurich\n\
         FFFF,,Seven,Bern,,CH,NaN,2,3,Europe/Zurich\n\
         GGGG,,Eight,Bern,,CH,1,99,3,Europe/Zurich\n\
         HHHH,,Nine,{},,CH,1,2,3,Europe/Zurich\n",
        "Bern".repeat(1_000)
    );
    let id = id();
    let answer = client.upload(id, CSV, text).await.unwrap();
    let told = answer.json();
    assert_eq!((answer.status.as_u16(), &told["rows"], &told["rejected"]), (201, &json!(2), &json!(7)), "{told}");
    let blamed = |reject: &Value| (reject["line"].as_u64(), reject["field"].clone(), reject["constraint"].clone());
    let blamed: Vec<_> = told["rejects"].as_array().unwrap().iter().map(blamed).collect();
    let expected = [
        (Some(3), json!("elevation"), Value::Null),
        (Some(6), Value::Null, json!("airports_country_check")),
        (Some(7), Value::Null, Value::Null),
        (Some(8), Value::Null, json!("airports_pkey")),
        (Some(9), json!("elevation"), Value::Null),
        (Some(10), Value::Null, json!("airports_lat_check")),
        (Some(11), Value::Null, json!("airports_details_size_check")),
    ];
    assert_eq!(blamed, expected);
    assert_eq!(stored(&db, Some(id)).await, 2);
    running.ended().await;
}

#[pgrepo::test]
async fn the_lines_of_ndjson_are_told_as_they_stand_in_the_file(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    // A blank line is no row, but it is a line.
    let text = format!("{}\n\n{}{{\"icao\":1}}\n{}", line("AAAA"), line("AAAA"), line("BBBB"));
    let answer = client.upload(id(), NDJSON, text).await.unwrap().json();
    let lines: Vec<_> = answer["rejects"].as_array().unwrap().iter().map(|reject| reject["line"].clone()).collect();
    assert_eq!((&answer["rows"], lines), (&json!(2), vec![json!(4), json!(5)]), "{answer}");
    assert_eq!(stored(&db, None).await, 2);
    running.ended().await;
}

#[pgrepo::test]
async fn the_airports_of_the_world_are_loaded_and_the_same_again_are_all_rejected(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let file = include_str!("../../../data/airports.csv");
    let answer = client.upload(id(), CSV, file).await.unwrap().json();
    assert_eq!((&answer["rows"], &answer["rejected"]), (&json!(28_298), &json!(0)));
    let again = client.upload(id(), CSV, file).await.unwrap();
    assert_eq!((again.status.as_u16(), &*again.reason()), (422, "too-many-bad-lines"));
    assert_eq!(again.json()["rejects"].as_array().unwrap().len(), 100);
    assert_eq!((stored(&db, None).await, told(&db).await), (28_298, 1));
    running.ended().await;
}

#[pgrepo::test]
async fn only_the_first_rejects_are_told_and_the_others_are_counted(database: TestDatabase) {
    let settings = pgrepo_service::Settings { told_rejects: 3, max_rejects: 5, ..settings() };
    let running = Running::start(settings, &database.url()).await;
    let mut client = running.client();
    let bad = |count: usize| format!("{}{}", line("AAAA"), "no JSON\n".repeat(count));
    let five = client.upload(id(), NDJSON, bad(5)).await.unwrap().json();
    assert_eq!((five["rejects"].as_array().unwrap().len(), &five["rejects_not_told"]), (3, &json!(2)), "{five}");
    let six = client.upload(id(), NDJSON, bad(6).replace("AAAA", "BBBB")).await.unwrap();
    assert_eq!((six.status.as_u16(), &*six.reason()), (422, "too-many-bad-lines"));
    // A client may stand less than the service, and not more.
    let strict = |most: u32, icao: &str| (format!("/uploads/{}?max_rejects={most}", id()), line(icao) + "no JSON\n");
    for (most, status) in [(0, 422), (1, 201), (6, 400)] {
        let (path, text) = strict(most, "CCCC");
        let answer = client.send(Method::PUT, &path, NDJSON, Body::from(text)).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{most}: {}", answer.json());
    }
    running.ended().await;
}

#[pgrepo::test]
async fn the_same_id_stores_once(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let id = id();
    let first = client.upload(id, NDJSON, lines("A", 10)).await.unwrap();
    let second = client.upload(id, NDJSON, lines("B", 20)).await.unwrap();
    let asked = client.get(&format!("/uploads/{id}")).await.unwrap();
    assert_eq!([first.status, second.status, asked.status].map(|status| status.as_u16()), [201, 200, 200]);
    assert_eq!((&first.json()["repeated"], &second.json()["repeated"]), (&json!(false), &json!(true)));
    for answer in [&second, &asked] {
        assert_eq!((&answer.json()["rows"], &answer.json()["state"]), (&json!(10), &json!("committed")));
    }
    assert_eq!((stored(&db, Some(id)).await, stored(&db, None).await), (10, 10));
    running.ended().await;
}

#[pgrepo::test]
async fn an_upload_under_way_is_told_and_its_id_is_taken(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let (id, mut other) = (id(), running.client());
    let (pieces, body) = body();
    let upload = tokio::spawn(async move { client.upload(id, NDJSON, body).await.unwrap() });
    pieces.send(line("AAAA").into()).await.unwrap();
    until(&db, UNDER_WAY).await;
    let asked = other.get(&format!("/uploads/{id}")).await.unwrap();
    assert_eq!((asked.status.as_u16(), &*asked.reason()), (409, "upload-under-way"));
    let again = other.upload(id, NDJSON, line("BBBB")).await.unwrap();
    assert_eq!((again.status.as_u16(), &*again.reason()), (409, "upload-under-way"));
    drop(pieces);
    assert_eq!(upload.await.unwrap().status.as_u16(), 201);
    assert_eq!(other.get(&format!("/uploads/{id}")).await.unwrap().status.as_u16(), 200);
    assert_eq!(stored(&db, None).await, 1);
    running.ended().await;
}

#[pgrepo::test]
async fn an_upload_that_breaks_off_leaves_nothing_and_may_be_sent_again(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let id = id();
    let (pieces, body) = body();
    let mut broken = running.client();
    let upload = tokio::spawn(async move { broken.upload(id, NDJSON, body).await });
    // Several batches, so that a part of it is in the table, and seen by nobody.
    for number in 0..5 {
        pieces.send(lines(&format!("{number}x"), 1_000).into()).await.unwrap();
    }
    until(&db, UNDER_WAY).await;
    upload.abort();
    upload.await.unwrap_err();
    until(
        &db,
        "SELECT (NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = \
        (SELECT oid FROM pg_database WHERE datname = current_database())))::int4::int8",
    )
    .await;
    let asked = client.get(&format!("/uploads/{id}")).await.unwrap();
    assert_eq!((asked.status.as_u16(), &*asked.reason()), (404, "no-such-upload"));
    assert_eq!((stored(&db, None).await, told(&db).await), (0, 0));
    assert_eq!(client.upload(id, NDJSON, lines("A", 10)).await.unwrap().status.as_u16(), 201);
    running.ended().await;
}

/// The COMMIT arrives and its answer is lost: the service asks the server what became of it.
#[pgrepo::test(server = "private")]
async fn a_lost_answer_of_the_database_is_found_out_about(database: TestDatabase) {
    let proxy = Proxy::start(database.server()).await.unwrap();
    let running = Running::start(settings(), &proxy.url(database.name())).await;
    let mut client = running.client();
    proxy.cut(Cut::after(Message::Sql("SAVEPOINT pgrepo_commit; COMMIT".into())));
    let stored_id = id();
    let answer = client.upload(stored_id, NDJSON, lines("A", 10)).await.unwrap();
    assert_eq!(answer.status.as_u16(), 201, "{}", answer.json());
    // And a COMMIT that does not arrive has not happened.
    proxy.cut(Cut::before(Message::Sql("SAVEPOINT pgrepo_commit; COMMIT".into())));
    let lost_id = id();
    let answer = client.upload(lost_id, NDJSON, lines("B", 10)).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.reason()), (503, "database"), "{}", answer.json());
    assert_eq!(client.get(&format!("/uploads/{stored_id}")).await.unwrap().status.as_u16(), 200);
    assert_eq!(client.get(&format!("/uploads/{lost_id}")).await.unwrap().status.as_u16(), 404);
    assert_eq!(client.upload(lost_id, NDJSON, lines("B", 10)).await.unwrap().status.as_u16(), 201);
    running.ended().await;
}

/// The client is gone before its answer comes, and asks by the id.
#[pgrepo::test]
async fn a_lost_answer_of_the_service_can_be_asked_about(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let id = id();
    let mut lost = running.client();
    // The row that tells of the upload waits for this, and so does the answer.
    let mut tx = db.begin().await.unwrap();
    tx.query("LOCK TABLE uploads IN SHARE ROW EXCLUSIVE MODE").execute().await.unwrap();
    let upload = tokio::spawn(async move { lost.upload(id, NDJSON, lines("A", 10)).await });
    until(&db, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'uploads'::regclass").await;
    upload.abort();
    upload.await.unwrap_err();
    tx.commit().await.unwrap();
    // Whatever became of it: it is whole or not there, and a second attempt with the id ends all doubt.
    let began = std::time::Instant::now();
    let asked = loop {
        let asked = client.get(&format!("/uploads/{id}")).await.unwrap();
        if asked.status.as_u16() != 409 {
            break asked;
        }
        assert!(began.elapsed() < LONG);
    };
    let rows = stored(&db, Some(id)).await;
    assert_eq!(rows, if asked.status.as_u16() == 200 { 10 } else { 0 }, "{}", asked.json());
    let again = client.upload(id, NDJSON, lines("A", 10)).await.unwrap();
    assert!(again.status.is_success(), "{}", again.json());
    assert_eq!(stored(&db, None).await, 10);
    running.ended().await;
}

/// Nobody takes rows out of the body while the database does not take them in.
#[pgrepo::test]
async fn the_body_waits_for_the_database(database: TestDatabase) {
    let (running, mut client, db) = service(&database).await;
    let mut tx = db.begin().await.unwrap();
    tx.query("LOCK TABLE airports IN ACCESS EXCLUSIVE MODE").execute().await.unwrap();
    let (pieces, body) = body();
    let id = id();
    let upload = tokio::spawn(async move { client.upload(id, NDJSON, body).await.unwrap() });
    let (sent, seen) = tokio::sync::watch::channel(0_usize);
    let all = 200;
    let writer = tokio::spawn(async move {
        for number in 0..all {
            pieces.send(lines(&format!("{number}x"), 1_000).into()).await.unwrap();
            sent.send_modify(|sent| *sent += 1);
        }
    });
    until(&db, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'airports'::regclass").await;
    // From here on nobody reads. What the sockets hold is some megabytes, 160 KB each piece, and then the writer waits.
    let mut last = *seen.borrow();
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let now = *seen.borrow();
        if now == last {
            break;
        }
        last = now;
    }
    assert!(last < all / 2, "{last} of {all} pieces were taken");
    tx.commit().await.unwrap();
    writer.await.unwrap();
    assert_eq!(upload.await.unwrap().json()["rows"], json!(all * 1_000));
    running.ended().await;
}
