use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, ErrorKind, Isolation, TxOptions};

use crate::support::{Direct, pool, proxy};

#[pgrepo::test]
async fn a_transaction_is_what_its_options_say(db: Db) {
    db.execute_script("CREATE TABLE t (id int8 PRIMARY KEY)").await.unwrap();
    let shown = "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'), \
                 current_setting('transaction_deferrable')";
    let levels = [
        (Isolation::ReadCommitted, "read committed"),
        (Isolation::RepeatableRead, "repeatable read"),
        (Isolation::Serializable, "serializable"),
    ];
    for (isolation, name) in levels {
        let mut tx = db.begin_with(TxOptions::default().isolation(isolation)).await.unwrap();
        let is: (String, String, String) = tx.query(shown).fetch_one().await.unwrap();
        assert_eq!(is, (name.to_owned(), "off".to_owned(), "off".to_owned()));
        tx.commit().await.unwrap();
    }
    let options = TxOptions::default().isolation(Isolation::Serializable).read_only().deferrable();
    let (is, refused) = db
        .transaction_with(options, async |tx| {
            let is: (String, String, String) = tx.query(shown).fetch_one().await?;
            Ok::<_, pgrepo::Error>((
                is,
                tx.savepoint(async |tx| tx.execute_script("INSERT INTO t VALUES (1)").await).await,
            ))
        })
        .await
        .unwrap();
    assert_eq!(is, ("serializable".to_owned(), "on".to_owned(), "on".to_owned()));
    assert_eq!(refused.unwrap_err().sqlstate().unwrap().as_str(), "25006");
    let error = db.begin_with(TxOptions::default().deferrable()).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Config, Some("begin")));
}

/// What the documentation says of round trips: the simple messages are those of the transaction itself.
#[pgrepo::test]
async fn a_transaction_costs_the_messages_that_its_documentation_says(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run("CREATE TABLE t (id int8)").await;
    let proxy = proxy(&db).await;
    let ours = pool(&proxy.url(db.name()), "messages", 1).await;
    ours.query("SELECT 1").execute().await.unwrap();
    let simple = async |work: &mut dyn FnMut() -> futures_util::future::BoxFuture<'static, ()>| {
        let before = proxy.counts().messages(b'Q');
        work().await;
        proxy.counts().messages(b'Q') - before
    };
    let serializable = TxOptions::default().isolation(Isolation::Serializable);
    let run = |options: TxOptions| {
        let ours = ours.clone();
        move || -> futures_util::future::BoxFuture<'static, ()> {
            let (ours, options) = (ours.clone(), options.clone());
            Box::pin(async move {
                let one = async |tx: &mut pgrepo::Tx| tx.query("SELECT 1").execute().await;
                ours.transaction_with(options, one).await.unwrap();
            })
        }
    };
    assert_eq!(simple(&mut run(serializable.clone())).await, 3, "BEGIN, the id, COMMIT");
    assert_eq!(simple(&mut run(serializable.read_only())).await, 2, "BEGIN, COMMIT");
    let once = || -> futures_util::future::BoxFuture<'static, ()> {
        let ours = ours.clone();
        Box::pin(async move {
            let nested =
                async |tx: &mut pgrepo::Tx| tx.savepoint(async |tx| tx.query("SELECT 1").execute().await).await;
            ours.transaction(nested).await.unwrap();
        })
    };
    assert_eq!(simple(&mut once.clone()).await, 4, "BEGIN, SAVEPOINT, RELEASE, COMMIT");
}
