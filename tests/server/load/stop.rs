//! A load that the server has failed is not sent to its end.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, ErrorKind, Handle, PgTable, Repository};

use super::Taken;
use crate::support::{LONG, config, pool, proxy, serves};
use crate::tls::authority::{Authority, Folder};

#[derive(Debug, Clone, Copy, PgTable)]
#[pg(table = "large")]
struct Large<'a> {
    id: i32,
    text: &'a str,
}

const LARGE: &str = "CREATE TABLE large (id int4 CHECK (id <> -1), text text)";
const MIB: u64 = 1 << 20;
const KIB_8: usize = 8 << 10;

/// Loads 1 GiB whose n-th row the server refuses, and returns how many bytes were taken from the source.
async fn refused(on: impl Handle, bad: i32) -> u64 {
    let text = "x".repeat(KIB_8);
    let taken = Taken::default();
    let rows = (0..131_072).map(|id| Large { id: if id == bad { -1 } else { id }, text: &text });
    let rows = taken.of(rows, u64::try_from(KIB_8).unwrap());
    let error = Repository::<_, Large<'_>>::new(on).copy_in(rows).await.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Copy, Some(u64::try_from(bad).unwrap())), "{error:?}");
    assert_eq!(error.constraint(), Some("large_id_check"), "{error:?}");
    taken.count()
}

async fn stops(db: &Db, way: &str) {
    let taken = refused(db, 0).await;
    println!("{way}: {} MiB were taken", taken / MIB);
    assert!(taken < 32 * MIB, "{way}: {} MiB were taken", taken / MIB);
    serves(db, 1).await;
    assert_eq!(db.query("SELECT count(*) FROM large").fetch_one::<i64>().await.unwrap(), 0);
}

#[pgrepo::test(sql = "CREATE TABLE large (id int4 CHECK (id <> -1), text text)")]
async fn a_bad_first_row_of_a_gib_costs_a_few_mib_over_the_socket(db: TestDatabase) {
    stops(&pool(&db.url(), "stop", 1).await, "socket").await;
}

#[pgrepo::test(sql = "CREATE TABLE large (id int4 CHECK (id <> -1), text text)")]
async fn a_bad_first_row_of_a_gib_costs_a_few_mib_over_tcp(db: TestDatabase) {
    stops(&pool(&db.tcp_url(), "stop", 1).await, "TCP").await;
}

#[pgrepo::test(sql = "CREATE TABLE large (id int4 CHECK (id <> -1), text text)")]
async fn a_bad_first_row_of_a_gib_costs_a_few_mib_over_a_slow_line(db: TestDatabase) {
    let proxy = proxy(&db).await;
    proxy.latency(std::time::Duration::from_millis(1));
    stops(&pool(&proxy.url(db.name()), "stop", 1).await, "proxy").await;
}

#[tokio::test]
async fn a_bad_first_row_of_a_gib_costs_a_few_mib_over_tls() {
    let authority = Authority::new("ours");
    let server = crate::tls::server(&authority, &[]).await;
    let folder = Folder::new("stop");
    let mut config = config(&server.tcp_url("postgres"), "stop", 1);
    crate::tls::RIGHT.clone_into(&mut config.host);
    config.tls.mode = Some(pgrepo::TlsMode::VerifyFull);
    config.tls.root_cert = Some(folder.file("root.crt", &authority.certificate));
    let db = Db::connect(config).await.unwrap();
    db.execute_script(LARGE).await.unwrap();
    let is_tls = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert!(db.query(is_tls).fetch_one::<bool>().await.unwrap());
    stops(&db, "TLS").await;
}

#[pgrepo::test(sql = "CREATE TABLE large (id int4 CHECK (id <> -1), text text)")]
async fn a_bad_row_in_the_midst_stops_there_and_a_transaction_goes_on(db: TestDatabase) {
    let ours = pool(&db.url(), "stop", 1).await;
    let bad = 5_000;
    let mut tx = ours.begin().await.unwrap();
    tx.query("INSERT INTO large VALUES (1, 'kept')").execute().await.unwrap();
    let taken = refused(&mut tx, bad).await;
    let before = u64::try_from(bad).unwrap() * u64::try_from(KIB_8).unwrap();
    assert!((before..before + 32 * MIB).contains(&taken), "{} MiB were taken", taken / MIB);
    tx.commit().await.unwrap();
    assert_eq!(ours.query("SELECT text FROM large").fetch_one::<String>().await.unwrap(), "kept");
}

/// What a trigger says is no failure; and since the driver reads nothing before the end, nothing may be waiting to be read.
#[pgrepo::test(sql = "CREATE TABLE large (id int4, text text); \
    CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    RAISE NOTICE 'row % %', NEW.id, repeat('n', 1000); RETURN NEW; END $$; \
    CREATE TRIGGER say BEFORE INSERT ON large FOR EACH ROW EXECUTE FUNCTION say()")]
async fn notices_of_a_trigger_do_not_stop_a_load(db: TestDatabase) {
    let ours = pool(&db.url(), "stop", 1).await;
    let text = "x".repeat(KIB_8);
    let rows = || (0..5_000).map(|id| Large { id, text: &text });
    let within = tokio::time::timeout(LONG, ours.repository::<Large<'_>>().copy_in(rows()));
    assert_eq!(within.await.expect("the load does not wait for who reads").unwrap().rows, 5_000);
    let mut tx = ours.begin().await.unwrap();
    tx.query("SET LOCAL client_min_messages = debug1").execute().await.unwrap();
    let within = tokio::time::timeout(LONG, tx.repository::<Large<'_>>().copy_in(rows()));
    assert_eq!(within.await.expect("the load does not wait for who reads").unwrap().rows, 5_000);
    let after: String = tx.query("SHOW client_min_messages").fetch_one().await.unwrap();
    assert_eq!(after, "debug1", "the transaction's own setting is back");
    let refused = tx.repository::<Large<'_>>().copy_in([Large { id: 1, text: "a\0b" }]).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Encode);
    assert_eq!(tx.query("SHOW client_min_messages").fetch_one::<String>().await.unwrap(), "debug1");
    tx.commit().await.unwrap();
    assert_eq!(ours.query("SHOW client_min_messages").fetch_one::<String>().await.unwrap(), "notice");
}

/// INFO is said whatever the settings are: a load that nobody reads beside must not wait for ever.
#[pgrepo::test(sql = "CREATE TABLE large (id int4, text text); \
    CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    RAISE INFO 'row % %', NEW.id, repeat('n', 1000); RETURN NEW; END $$; \
    CREATE TRIGGER say BEFORE INSERT ON large FOR EACH ROW EXECUTE FUNCTION say()")]
async fn a_trigger_s_info_does_not_make_a_load_wait_for_ever(db: TestDatabase) {
    for url in [db.url(), db.tcp_url()] {
        let ours = pool(&url, "stop", 1).await;
        let large = ours.repository::<Large<'_>>();
        let few = tokio::time::timeout(LONG, large.copy_in((0..50).map(|id| Large { id, text: "a" })));
        assert_eq!(few.await.expect("it ends").unwrap().rows, 50);
        let text = "x".repeat(200);
        let many = || (0..100_000).map(|id| Large { id, text: &text });
        let strict = tokio::time::timeout(LONG, large.copy_in(many()));
        let strict = strict.await.expect("the load does not wait for ever").unwrap_err();
        let tolerant =
            tokio::time::timeout(LONG, large.load(many()).batch_rows(100_000).batch_bytes(1 << 30).collect());
        let tolerant = tolerant.await.expect("the load does not wait for ever").unwrap_err();
        for error in [strict, tolerant] {
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Copy, false), "{error:?}");
            assert!(error.to_string().contains("RAISE INFO") && error.table() == Some("large"), "{error}");
        }
        serves(&ours, 1).await;
        assert_eq!(large.delete_where(Large::ID.ge(0)).execute().await.unwrap(), 50);
    }
}

#[pgrepo::test(sql = "CREATE TABLE large (id int4, text text)")]
async fn an_abort_over_a_broken_connection_says_so(db: TestDatabase) {
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), "stop", 1).await;
    let options = pgrepo::CopyInOptions::default();
    let mut load = ours.repository::<Large<'_>>().start_copy_in::<Large<'_>>(options.clone());
    load.send(&Large { id: 1, text: "a" }).await.unwrap();
    proxy.end_all(pgrepo::testkit::Ending::Reset);
    let error = load.abort().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Connection, Some("copy_in")), "{error:?}");
    assert!(error.to_string().contains("nothing is stored"), "{error}");
    let mut load = ours.repository::<Large<'_>>().start_copy_in::<Large<'_>>(options);
    load.send(&Large { id: 1, text: "a\0" }).await.unwrap_err();
    load.abort().await.expect("what had failed before is over");
    assert_eq!(ours.query("SELECT count(*) FROM large").fetch_one::<i64>().await.unwrap(), 0);
}
