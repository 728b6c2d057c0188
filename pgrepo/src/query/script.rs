use std::pin::pin;

use crate::error::Result;
use crate::observe::{self, Subject};
use crate::pool::{Handle, Watch, driver};

use super::text;

/// Runs statements by the simple protocol.
pub(crate) async fn script<H: Handle>(on: H, sql: &str) -> Result<()> {
    const OPERATION: &str = "execute_script";
    let operation = on.observe(OPERATION, Subject::default());
    let ran = pin!(async {
        text::check(sql, H::IN_TRANSACTION)?;
        observe::text(on.about(), sql);
        let mut lease = on.lend().lease().await?;
        let _watch = Watch::begin(lease.session(), OPERATION, || sql.into());
        let mut step = lease.step()?;
        let ran = driver::script(step.session(), sql).await;
        step.settle(ran)
    });
    operation.watch(ran).await.map_err(|e| e.during(OPERATION))
}
