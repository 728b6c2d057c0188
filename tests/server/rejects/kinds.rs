//! Each sort of bad row by itself.

use futures_util::{StreamExt, stream};
use pgrepo::testkit::TestDatabase;
use pgrepo::{Commit, CopyInOptions, Db, ErrorKind, PgTable, RowError, Set};

use super::{Kind, Parcel, TRIGGER, parcel, set_up, stored};
use crate::support::Direct;

async fn each_kind(db: &Db, size: i64, at: i64, kinds: &[Kind]) {
    for (nth, kind) in (0_i64..).zip(kinds) {
        let first = nth * size;
        let mut rows: Vec<Parcel> = (first..first + size).map(parcel).collect();
        let good = rows[0].clone();
        let spoilt = usize::try_from(at).unwrap();
        kind.spoil(&mut rows[spoilt], &good);
        let (report, rejects) = db.repository::<Parcel>().load(rows).collect().await.unwrap();
        let [reject] = &rejects[..] else { panic!("{kind:?}: {} rejects: {rejects:?}", rejects.len()) };
        kind.check(reject);
        assert_eq!((reject.index, reject.row.as_ref().unwrap().id), (spoilt as u64, first + at), "{kind:?}");
        assert_eq!((report.rows, report.rejected, report.batches), (size.unsigned_abs() - 1, 1, 1), "{kind:?}");
        let (of, to) = (first, first + size);
        let there: Vec<i64> = stored(db).await.into_iter().filter(|id| (of..to).contains(id)).collect();
        assert_eq!(there, (of..to).filter(|id| *id != first + at).collect::<Vec<_>>(), "{kind:?}");
    }
}

#[pgrepo::test]
async fn a_bad_row_of_each_kind_comes_back_and_the_others_are_stored(db: Db) {
    set_up(&db).await;
    db.execute_script(TRIGGER).await.unwrap();
    each_kind(&db, 8, 5, &Kind::ALL).await;
}

#[pgrepo::test]
async fn a_bad_row_is_found_where_the_server_stores_rows_by_the_thousand(db: Db) {
    set_up(&db).await;
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Trigger).collect();
    each_kind(&db, 1500, 1201, &kinds).await;
}

#[pgrepo::test]
async fn a_row_that_the_server_blames_wrongly_is_not_rejected(db: Db) {
    // The size of an index's entry is found out about when all rows that were read so far are stored.
    db.execute_script(
        "CREATE TABLE big (id int8 PRIMARY KEY, text text); ALTER TABLE big ALTER text SET STORAGE PLAIN",
    )
    .await
    .unwrap();
    #[derive(Debug, PgTable)]
    #[pg(table = "big")]
    struct Big {
        id: i64,
        text: String,
    }
    let rows = (0..100).map(|id| Big { id, text: if id == 30 { "x".repeat(20_000) } else { "x".to_owned() } });
    let (report, rejects) = db.repository::<Big>().load(rows).collect().await.unwrap();
    assert_eq!((report.rows, rejects.len(), rejects[0].index), (99, 1, 30), "{rejects:?}");
    assert_eq!(rejects[0].sqlstate().unwrap().as_str(), "54000");
    assert_eq!(db.query("SELECT count(*) FROM big").fetch_val::<i64>().await.unwrap(), 99);
}

#[pgrepo::test]
async fn a_key_of_a_rejected_row_is_free_for_a_later_one(db: Db) {
    set_up(&db).await;
    // The second row has the code of the first, which violates a foreign key: that is found out about last.
    let (mut first, mut second) = (parcel(1), parcel(2));
    first.owner = 1000;
    second.code.clone_from(&first.code);
    let (report, rejects) = db.repository::<Parcel>().load([first, second, parcel(3)]).collect().await.unwrap();
    assert_eq!((report.rows, rejects.len()), (2, 1), "{rejects:?}");
    // When it is its turn both are true of the first one: the server names what it comes across first.
    assert_eq!((rejects[0].index, rejects[0].constraint()), (0, Some("parcel_code_key")), "{rejects:?}");
    assert_eq!(stored(&db).await, [2, 3]);
}

#[pgrepo::test]
async fn a_row_that_a_trigger_refuses_for_the_sake_of_a_bad_one_is_stored(db: Db) {
    set_up(&db).await;
    // The trigger speaks as the server does of a row's own values, and has looked at another row.
    for code in [
        "ERRCODE = '23514', CONSTRAINT = 'parcel_amount_check'",
        "ERRCODE = '23502', COLUMN = 'note'",
        "ERRCODE = '22023', COLUMN = 'note'",
    ] {
        db.execute_script(&format!(
            "CREATE OR REPLACE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF EXISTS (SELECT FROM parcel WHERE note = NEW.note) THEN RAISE 'twice' USING {code}; END IF; \
             RETURN NEW; END $$; DROP TRIGGER IF EXISTS once ON parcel; CREATE TRIGGER once BEFORE INSERT ON parcel FOR EACH ROW \
             WHEN (NEW.note <> '') EXECUTE FUNCTION once(); DELETE FROM parcel WHERE id >= 0"
        ))
        .await
        .unwrap();
        let mut first = Parcel { note: "x".to_owned(), ..parcel(1) };
        first.owner = 1000;
        let rows = [first, Parcel { note: "x".to_owned(), ..parcel(2) }, parcel(3)];
        let (report, rejects) = db.repository::<Parcel>().load(rows).collect().await.unwrap();
        assert_eq!((report.rows, rejects.len(), rejects[0].index), (2, 1, 0), "{code}: {rejects:?}");
        assert_eq!(stored(&db).await, [2, 3]);
    }
}

#[pgrepo::test]
async fn all_rows_may_be_bad(db: Db) {
    set_up(&db).await;
    for kind in [Kind::Check, Kind::ForeignKey, Kind::DeferredUnique, Kind::Encode] {
        let rows = (1..=200).map(|id| {
            let mut row = parcel(id);
            kind.spoil(&mut row, &Parcel { rank: -1, ..parcel(0) });
            row
        });
        let (report, rejects) = db.repository::<Parcel>().load(rows).collect().await.unwrap();
        assert_eq!((report.rows, report.rejected, rejects.len()), (0, 200, 200), "{kind:?}");
        rejects.iter().for_each(|reject| kind.check(reject));
        assert!(rejects.iter().map(|reject| reject.index).eq(0..200));
    }
    assert!(stored(&db).await.is_empty());
}

#[pgrepo::test]
async fn a_row_that_the_source_cannot_make_is_a_reject_too(db: Db) {
    set_up(&db).await;
    let rows = stream::iter(0..10).map(|id: i64| match id % 4 {
        3 => Err(RowError::new("no number").at_line(id.unsigned_abs() + 1).at_field("amount").with_text("a,b")),
        _ => Ok(parcel(id)),
    });
    let (report, rejects) = db.repository::<Parcel>().load_try_stream(rows).collect().await.unwrap();
    assert_eq!((report.rows, report.rejected), (8, 2));
    let reject = &rejects[1];
    assert_eq!((reject.index, reject.line(), reject.field(), reject.text()), (7, Some(8), Some("amount"), Some("a,b")));
    assert_eq!((reject.error.kind(), &*reject.message()), (ErrorKind::Decode, "no number"));
    assert!(reject.row.is_none());
}

#[pgrepo::test]
async fn a_refusal_that_is_no_row_s_ends_the_load(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct
        .run("CREATE SEQUENCE few MAXVALUE 5; CREATE TABLE numbered (id int8 DEFAULT nextval('few'), name text)")
        .await;
    #[derive(Debug, PgTable)]
    #[pg(table = "numbered", new = "New")]
    struct Numbered {
        #[pg(default)]
        id: i64,
        name: String,
    }
    let ours = Db::from_url(&db.url()).await.unwrap();
    let rows = (0..10).map(|i| New { id: Set::Server, name: i.to_string() });
    let error = ours.repository::<Numbered>().load(rows).collect().await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate().unwrap().as_str()), (ErrorKind::Copy, "2200H"), "{error:?}");
    assert_eq!(error.committed().unwrap().batches, 0);
    assert!(error.to_string().ends_with("nothing of the load is stored"), "{error}");
    assert_eq!(direct.one::<i64>("SELECT count(*) FROM numbered").await, 0);
    // The row that sends what the first one leaves to the server is a reject.
    let options = CopyInOptions::default();
    let rows =
        [(Set::To(1), "a"), (Set::Server, "b"), (Set::To(2), "c")].map(|(id, name)| New { id, name: name.into() });
    let load = ours.repository::<Numbered>().load(rows).options(options).commit(Commit::EachBatch);
    let (report, rejects) = load.collect().await.unwrap();
    assert_eq!((report.rows, rejects.len(), rejects[0].index, rejects[0].field()), (2, 1, 1, Some("id")));
}
