use pgrepo::{Db, ErrorKind, PgInsert, PgTable};

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "pages", unique = "title")]
struct Page {
    #[pg(primary_key)]
    path: String,
    title: String,
    #[pg(version, default, column = "ver sion")]
    version: i32,
}

#[derive(PgInsert)]
#[pg(of = Page)]
struct Untold {
    path: String,
    title: String,
}

#[pgrepo::test(
    sql = "CREATE TABLE pages (path text PRIMARY KEY, title text UNIQUE, \"ver sion\" int4 NOT NULL DEFAULT 1)"
)]
async fn a_row_that_was_changed_meanwhile_is_a_conflict(db: Db) {
    let pages = db.repository::<Page>();
    let page = Page { path: "/".into(), title: "a".into(), version: 1 };
    assert_eq!(pages.insert(&page).await.unwrap(), page);
    let mine = pages.update(Page { title: "b".into(), ..page.clone() }).await.unwrap().unwrap();
    assert_eq!((mine.version, &*mine.title), (2, "b"));
    let stale = pages.update(Page { title: "c".into(), ..page.clone() }).await.unwrap_err();
    assert_eq!(
        (stale.kind(), stale.column(), stale.operation()),
        (ErrorKind::Conflict, Some("ver sion"), Some("update"))
    );
    assert!(stale.to_string().contains("(path)") && stale.to_string().contains("get it again"), "{stale}");
    assert_eq!(pages.get("/").await.unwrap().unwrap(), mine, "nothing was written");
    assert_eq!(pages.update(Page { path: "/no".into(), ..page.clone() }).await.unwrap(), None);
    let untold = pages.update(Untold { path: "/".into(), title: "d".into() }).await.unwrap_err();
    assert_eq!((untold.kind(), untold.column()), (ErrorKind::Mismatch, Some("ver sion")));

    let version = async || pages.get("/").await.unwrap().unwrap().version;
    assert!(pages.patch("/", [Page::TITLE.set("e")]).await.unwrap());
    assert_eq!(version().await, 3);
    assert!(pages.patch("/", [] as [pgrepo::Assignment<'_, Page>; 0]).await.unwrap());
    assert_eq!(version().await, 3, "without a change it is not counted");
    assert_eq!(pages.update_where(Page::PATH.eq("/")).set(Page::TITLE.set("f")).execute().await.unwrap(), 1);
    assert_eq!(version().await, 4);
    assert!(pages.patch("/", [Page::VERSION.set(10)]).await.unwrap());
    assert_eq!(version().await, 10, "unless it is given");
    let done = pages.upsert(Page { title: "g".into(), ..page.clone() }).await.unwrap();
    assert_eq!((done.inserted, done.row.version), (false, 11));
    let done = pages
        .upsert_on(Page::UNIQUE_TITLE, Page { path: "/other".into(), title: "g".into(), version: 1 })
        .await
        .unwrap();
    assert_eq!((&*done.row.path, done.row.version), ("/", 12), "the key is kept");

    let mut tx = db.begin().await.unwrap();
    let stale = tx.repository::<Page>().update(&page).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    let now = tx.repository::<Page>().get("/").await.unwrap().unwrap();
    assert_eq!(tx.repository::<Page>().update(&now).await.unwrap().unwrap().version, 13, "the transaction goes on");
    tx.commit().await.unwrap();
}
