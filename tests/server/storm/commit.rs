//! A load whose COMMIT was not answered, one case at a time.

use std::time::Duration;

use pgrepo::testkit::{Cut, Ending, Faults, Message, Proxy, TestDatabase};
use pgrepo::{CopyInOptions, Db, DbConfig, ErrorKind, FaultClass, TxOutcome, Value};

use super::SCHEMA;
use super::subject::{Stored, rows};
use crate::support::{Direct, LONG, proxy, serves};

const NAME: &str = "commit";
const PATIENCE: Duration = Duration::from_millis(500);

async fn set_up(db: &TestDatabase) -> (Db, Direct, Proxy) {
    let mut direct = Direct::to(db).await;
    direct.run(SCHEMA).await;
    let proxy = proxy(db).await;
    proxy.latency(Duration::from_millis(1));
    let mut config = DbConfig::from_url(&proxy.url(db.name())).unwrap().with_max_connections(2);
    NAME.clone_into(&mut config.application_name);
    config.acquire_timeout = LONG;
    (Db::connect(config).await.unwrap(), direct, proxy)
}

fn commit() -> Message {
    Message::Sql("COMMIT".into())
}

async fn stored(direct: &mut Direct, group: i64) -> i64 {
    direct.one(&format!("SELECT count(*) FROM stored WHERE grp = {group}")).await
}

const ENDINGS: [Ending; 2] = [Ending::Reset, Ending::Close];

#[pgrepo::test]
async fn fault_21_a_load_whose_commit_was_forwarded_and_not_answered_is_found_committed(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db).await;
    for (group, ending) in (0..).zip(ENDINGS) {
        proxy.cut(Cut { ending, ..Cut::after(commit()) });
        let report = ours.repository::<Stored>().copy_in(rows(group, 100, 10)).await.unwrap();
        assert_eq!(report.rows, 100);
        assert_eq!(stored(&mut direct, group).await, 100);
        assert_eq!(proxy.counts().endings_after(b'Q'), u64::try_from(group).unwrap() + 1, "COMMIT was forwarded");
    }
    // Its kin: rows of values, and many rows that are inserted by COPY.
    proxy.cut(Cut::after(commit()));
    let values = (0..3).map(|i| [Value::from(7_i64), Value::from(i), Value::from("v")]);
    assert_eq!(ours.copy_records("stored", &["grp", "id", "pad"], values).await.unwrap().rows, 3);
    proxy.cut(Cut::after(commit()));
    assert_eq!(ours.repository::<Stored>().insert_many(rows(8, 300, 1)).await.unwrap(), 300);
    assert_eq!((stored(&mut direct, 7).await, stored(&mut direct, 8).await), (3, 300));
    assert_eq!(proxy.counts().endings(), 4);
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

#[pgrepo::test]
async fn fault_21_a_load_whose_commit_was_not_forwarded_is_found_aborted_and_may_be_repeated(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db).await;
    for (group, ending) in (0..).zip(ENDINGS) {
        proxy.cut(Cut { ending, ..Cut::before(commit()) });
        let error = ours.repository::<Stored>().copy_in(rows(group, 100, 10)).await.unwrap_err();
        assert_eq!((error.operation(), error.table()), (Some("copy_in"), Some("stored")), "{error:?}");
        assert_eq!(error.fault_class(), FaultClass::RolledBack, "{error:?}");
        assert!(error.is_retryable() && error.to_string().contains("nothing"), "{error:?}");
        assert_eq!(stored(&mut direct, group).await, 0);
        assert_eq!(ours.repository::<Stored>().copy_in(rows(group, 100, 10)).await.unwrap().rows, 100);
        assert_eq!(stored(&mut direct, group).await, 100);
    }
    assert_eq!(proxy.counts().endings_after(b'Q'), 0, "no COMMIT was forwarded");
    serves(&ours, 2).await;
    direct.at_rest(NAME, 2).await;
}

#[pgrepo::test]
async fn fault_21_a_load_that_cannot_be_asked_about_is_told_to_be_unknown_with_its_number(db: TestDatabase) {
    let (_, mut direct, proxy) = set_up(&db).await;
    for (group, forwarded) in [(0, true), (1, false)] {
        let mut config = DbConfig::from_url(&proxy.url(db.name())).unwrap().with_max_connections(1);
        (config.acquire_timeout, config.connect_timeout) = (PATIENCE, PATIENCE);
        let ours = Db::connect(config).await.unwrap();
        let cut = if forwarded { Cut::after(commit()) } else { Cut::before(commit()) };
        proxy.cut(cut);
        let mut load = ours.repository::<Stored>().start_copy_in::<Stored>(CopyInOptions::default());
        assert!(load.tx_id().is_none());
        for row in rows(group, 5, 10) {
            load.send(&row).await.unwrap();
        }
        let id = load.tx_id().unwrap();
        // Nobody gets through to the server any more.
        proxy.close_new(true);
        let error = load.finish().await.unwrap_err();
        assert_eq!((error.kind(), error.tx_id()), (ErrorKind::Transaction, Some(id)), "{error:?}");
        assert_eq!(error.fault_class(), FaultClass::Indeterminate, "{error:?}");
        assert!(!error.is_retryable());
        proxy.close_new(false);
        let outcome = settled(&ours, id).await;
        assert_eq!(outcome, if forwarded { TxOutcome::Committed } else { TxOutcome::Aborted });
        assert_eq!(stored(&mut direct, group).await, if forwarded { 5 } else { 0 });
    }
}

/// The number of a load may be kept where its `finish` may be dropped.
#[pgrepo::test]
async fn fault_06_what_became_of_a_dropped_load_can_be_asked(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db).await;
    for (group, forwarded) in [(0, true), (1, false)] {
        let silent = Ending::Silence;
        let cut = if forwarded { Cut::after(commit()) } else { Cut::before(commit()) };
        proxy.cut(Cut { ending: silent, ..cut });
        let mut load = ours.repository::<Stored>().start_copy_in::<Stored>(CopyInOptions::default());
        for row in rows(group, 5, 10) {
            load.send(&row).await.unwrap();
        }
        let id = load.tx_id().unwrap();
        let ended = tokio::time::timeout(PATIENCE, load.finish()).await;
        assert!(ended.is_err(), "nobody answers: {ended:?}");
        let outcome = settled(&ours, id).await;
        assert_eq!(outcome, if forwarded { TxOutcome::Committed } else { TxOutcome::Aborted });
        assert_eq!(stored(&mut direct, group).await, if forwarded { 5 } else { 0 });
    }
}

async fn settled(db: &Db, id: pgrepo::TxId) -> TxOutcome {
    let asked = async {
        loop {
            match db.outcome(id).await {
                Ok(TxOutcome::InProgress) | Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                Ok(outcome) => return outcome,
            }
        }
    };
    tokio::time::timeout(LONG, asked).await.expect("the server tells")
}

#[pgrepo::test]
async fn fault_21_a_load_that_breaks_before_its_commit_says_that_nothing_is_stored(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db).await;
    let messages =
        [Message::Sql("BEGIN".into()), Message::Sql("COPY".into()), Message::Type(b'd'), Message::Type(b'c')];
    for message in messages {
        for cut in [Cut::before(message.clone()), Cut::after(message.clone())] {
            proxy.cut(cut.clone());
            let error = ours.repository::<Stored>().copy_in(rows(0, 24, 8 * 1024)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connection, "{cut:?}: {error:?}");
            assert_eq!((error.fault_class(), error.tx_id()), (FaultClass::RolledBack, None), "{cut:?}: {error:?}");
            assert!(error.to_string().contains("nothing is stored"), "{error:?}");
            assert_eq!(stored(&mut direct, 0).await, 0, "{cut:?}");
        }
    }
    serves(&ours, 2).await;
}

#[pgrepo::test]
async fn fault_21_a_load_in_a_transaction_that_breaks_takes_all_of_it_along(db: TestDatabase) {
    let (ours, mut direct, proxy) = set_up(&db).await;
    for cut in [Cut::before(Message::Sql("RELEASE".into())), Cut::after(Message::Sql("RELEASE".into()))] {
        proxy.cut(cut);
        let mut tx = ours.begin().await.unwrap();
        tx.repository::<Stored>().insert(rows(1, 1, 1).next().unwrap()).await.unwrap();
        let error = tx.repository::<Stored>().copy_in(rows(1, 5, 10)).await.unwrap_err();
        assert_eq!((error.fault_class(), error.tx_id()), (FaultClass::RolledBack, None), "{error:?}");
        tx.commit().await.unwrap_err();
        assert_eq!(stored(&mut direct, 1).await, 0);
    }
    serves(&ours, 2).await;
}

/// The number of its transaction costs a load no message more.
#[pgrepo::test]
async fn a_load_knows_its_number_at_no_further_round_trip(db: TestDatabase) {
    let (ours, _direct, proxy) = set_up(&db).await;
    let load = async || ours.repository::<Stored>().copy_in(rows(0, 5, 10)).await.unwrap();
    // The first one also describes the columns' types.
    load().await;
    let sent = |faults: &Faults| b"QPBDESHdcCfX".map(|kind| faults.counts().messages(kind));
    let before = sent(&proxy);
    load().await;
    let after = sent(&proxy);
    let more: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    // BEGIN with LOCK and the description, COPY, COMMIT; one piece of data; its end.
    assert_eq!(more, [3, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0]);
}
