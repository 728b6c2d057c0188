//! Merges under row-level security.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Error, ErrorKind, Tx};

use super::*;
use crate::support::Direct;

const SECURED: &str = "CREATE TABLE seats (row int4, letter text, who text, PRIMARY KEY (row, letter)); \
    INSERT INTO seats VALUES (1, 'A', 'us'), (1, 'B', 'us'), (2, 'A', 'them'); \
    ALTER TABLE seats ENABLE ROW LEVEL SECURITY; CREATE POLICY ours ON seats USING (who LIKE 'us%'); \
    DO $$ BEGIN CREATE ROLE pgrepo_merger; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
    GRANT SELECT, INSERT, UPDATE ON seats TO pgrepo_merger";

async fn subject(db: &Db) -> Tx {
    let mut tx = db.begin().await.unwrap();
    tx.query("SELECT set_config('role', 'pgrepo_merger', true)").execute().await.unwrap();
    assert!(tx.query("SELECT row_security_active('seats')").fetch_val::<bool>().await.unwrap());
    tx
}

/// The error of a merge, after which the transaction goes on and the table is as it was.
async fn refused(db: &Db, rows: &[Seat]) -> Error {
    let before: Vec<Seat> = db.repository::<Seat>().all().fetch_all().await.unwrap();
    let mut tx = subject(db).await;
    let error = tx.repository::<Seat>().merge(rows).execute().await.unwrap_err();
    tx.query("SELECT 1").execute().await.expect("the transaction goes on");
    tx.commit().await.unwrap();
    assert_eq!(db.repository::<Seat>().all().fetch_all().await.unwrap(), before);
    assert_eq!(
        (error.kind(), error.table(), error.is_retryable()),
        (ErrorKind::Copy, Some("seats"), false),
        "{error:?}"
    );
    error
}

#[pgrepo::test]
async fn rows_that_the_policies_allow_are_merged_and_others_refused(database: TestDatabase) {
    let mut direct = Direct::to(&database).await;
    direct.run(SECURED).await;
    let db = Db::from_url(&database.url()).await.unwrap();
    let us = |row, letter| seat(row, letter, Some("us"));

    let mut tx = subject(&db).await;
    let batch = [us(1, "A"), seat(1, "B", Some("us too")), us(3, "A")];
    assert_eq!(counts(tx.repository::<Seat>().merge(&batch).execute().await.unwrap()), [1, 1, 1, 0, 0]);
    let merged = tx.repository::<Seat>().merge(&batch).fetch_all().await.unwrap();
    assert_eq!(merged.iter().map(|m| m.row.clone()).collect::<Vec<_>>(), batch);
    // A row that is hidden is none to be updated.
    let report = tx.repository::<Seat>().update_many([us(2, "A"), us(1, "B")]).execute().await.unwrap();
    assert_eq!(counts(report), [0, 1, 0, 0, 1]);
    tx.commit().await.unwrap();
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM seats WHERE who = 'us'").await, 3);
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM seats").await, 4);

    for row in [seat(5, "A", Some("them")), seat(1, "A", Some("them"))] {
        let error = refused(&db, &[us(4, "A"), row]).await;
        assert_eq!(error.sqlstate().unwrap().as_str(), "42501", "{error:?}");
        assert!(error.to_string().contains("a row-level security policy refused a row of the merge"), "{error}");
    }
    let hidden = refused(&db, &[us(4, "A"), us(2, "A")]).await;
    assert_eq!(hidden.row(), Some(1), "{hidden:?}");
    assert!(hidden.to_string().contains("a policy hides it"), "{hidden}");
    direct
        .run(
            "DROP POLICY ours ON seats; CREATE POLICY seen ON seats FOR SELECT USING (true); \
              CREATE POLICY added ON seats FOR INSERT WITH CHECK (true); \
              CREATE POLICY changed ON seats FOR UPDATE USING (who LIKE 'us%')",
        )
        .await;
    let seen = refused(&db, &[us(4, "A"), us(2, "A")]).await;
    assert!(seen.to_string().contains("rows that it may not update"), "{seen}");
}
