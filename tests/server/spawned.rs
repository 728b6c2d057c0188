//! Every operation's future can be spawned, from generic code too.

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use pgrepo::{
    CopyInOptions, CopyOut, Db, Filter, Handle, KeyArg, OwnedRow, PgTable, PrimaryKey, Repository, Result, SourceError,
    Value, WriteRow,
};

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "t")]
struct T {
    #[pg(primary_key)]
    id: i32,
    name: Option<String>,
}

/// All that a repository does, for any table.
async fn everything<R>(db: Db, rows: Vec<R>, key: impl KeyArg<R::Key> + Clone + Send + 'static) -> Result<usize>
where
    R: PgTable + PrimaryKey + WriteRow<Table = R> + CopyOut + OwnedRow + Clone + Send + Sync + 'static,
{
    let table = db.repository::<R>();
    table.copy_in(rows.iter()).await?;
    table.delete(key.clone()).await?;
    table.copy_in_stream(stream::iter(rows.clone()).take(1)).await?;
    table.delete(key.clone()).await?;
    let mut load = table.start_copy_in(CopyInOptions::default());
    for row in rows.iter().take(1) {
        load.send(row).await?;
    }
    load.finish().await?;
    table.delete(key.clone()).await?;
    let (report, _) = table.load(rows.iter().take(1)).collect().await?;
    assert_eq!(report.rows, 1);
    // A source that one task at a time may touch, as the body of a request is.
    let source: BoxStream<'_, Result<R, SourceError>> = Box::pin(stream::iter(rows.clone()).map(Ok).take(0));
    table.load_try_stream(source).to_sink(|_| Ok::<_, pgrepo::Error>(())).await?;
    let source: BoxStream<'_, Result<R, SourceError>> = Box::pin(stream::iter(rows.clone()).map(Ok).take(0));
    table.merge_try_stream(source).tolerant().to_sink(|_| Ok::<_, pgrepo::Error>(())).await?;
    table.load_stream(stream::iter(rows.clone()).take(0)).to_sink(|_| Ok::<_, pgrepo::Error>(())).await?;
    table.get(key).await?;
    let mut count = table.copy_out().await?.try_collect::<Vec<R>>().await?.len();
    let mut rows = table.all().stream().await?;
    while rows.next().await?.is_some() {
        count += 1;
    }
    count += table.all().fetch_all().await?.len();
    Ok(count)
}

/// All that it writes row by row, in another schema too.
async fn writes<R>(mut on: impl Handle, row: R, key: impl KeyArg<R::Key> + Clone + Send + Sync + 'static) -> Result<()>
where
    R: PgTable + PrimaryKey + WriteRow<Table = R> + OwnedRow + Clone + Send + Sync + 'static,
{
    Repository::<_, R>::new(on.reborrow()).insert(&row).await?;
    Repository::<_, R>::new(on.reborrow()).insert_new(&row).await?;
    Repository::<_, R>::new(on.reborrow()).upsert(&row).await?;
    Repository::<_, R>::new(on.reborrow()).update(&row).await?;
    Repository::<_, R>::new(on.reborrow()).insert_many_new([row.clone()]).await?;
    Repository::<_, R>::new(on.reborrow()).get_many([key.clone()]).await?;
    Repository::<_, R>::new(on.reborrow()).patch(key.clone(), Vec::new()).await?;
    Repository::<_, R>::new(on.reborrow()).delete(key.clone()).await?;
    Repository::<_, R>::new(on.reborrow()).merge([&row]).execute().await?;
    Repository::<_, R>::new(on.reborrow()).in_schema("public").merge_stream(stream::iter([&row])).fetch_all().await?;
    Repository::<_, R>::new(on.reborrow()).update_many([&row]).fetch_all().await?;
    Repository::<_, R>::new(on.reborrow()).delete_many([key]).fetch_all().await?;
    Repository::<_, R>::new(on.reborrow()).in_schema("public").insert_many([row]).await?;
    let gone = Repository::<_, R>::new(on).in_schema("public").delete_where(Filter::all()).fetch_all().await?;
    assert_eq!(gone.len(), 1);
    Ok(())
}

/// The same on a database and in a transaction.
async fn either(mut on: impl Handle) -> Result<i64> {
    pgrepo::query(on.reborrow(), "SELECT 1").execute().await?;
    pgrepo::query(on, "SELECT count(*) FROM t").fetch_one().await
}

#[pgrepo::test(sql = "CREATE TABLE t (id int4 PRIMARY KEY, name text)", flavor = "multi_thread")]
async fn all_futures_are_send(db: Db) {
    let rows = vec![T { id: 1, name: None }];
    let count = tokio::spawn(everything::<T>(db.clone(), rows, 1)).await.unwrap().unwrap();
    assert_eq!(count, 3);
    db.repository::<T>().delete(1).await.unwrap();
    let (other, row) = (db.clone(), T { id: 1, name: None });
    let task = tokio::spawn(async move {
        writes::<T>(&other, row.clone(), 1).await?;
        let mut tx = other.begin().await?;
        writes::<T>(&mut tx, row.clone(), 1).await?;
        tx.commit().await?;
        other.repository::<T>().insert(row).await.map(drop)
    });
    task.await.unwrap().unwrap();
    let task = tokio::spawn(async move {
        let mut tx = db.begin().await?;
        tx.copy_records("t", &["id"], [[Value::from(2)]]).await?;
        tx.repository::<T>().patch(2, [T::NAME.set("x")]).await?;
        tx.execute_script("INSERT INTO t VALUES (3)").await?;
        let inside = either(&mut tx).await?;
        tx.rollback().await?;
        Ok::<_, pgrepo::Error>((inside, either(&db).await?))
    });
    assert_eq!(task.await.unwrap().unwrap(), (3, 1));
}
