//! A subscriber that keeps every span and event of pgrepo's.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_core::span::Current;

/// What a span or an event holds, as text.
pub(crate) type Texts = BTreeMap<String, String>;

#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) meta: &'static Metadata<'static>,
    pub(crate) parent: Option<usize>,
    pub(crate) fields: Texts,
    /// How many hold it; nobody any more once it is closed.
    pub(crate) held: usize,
    pub(crate) entered: usize,
}

impl Span {
    pub(crate) fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }

    pub(crate) fn name(&self) -> &str {
        self.get("otel.name")
    }
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Span>,
    /// How many were asked for.
    taken: usize,
    events: Vec<(&'static str, Texts)>,
    within: Vec<usize>,
}

/// Keeps what it is told; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Listener(Arc<Mutex<Kept>>);

impl Listener {
    /// Listens to this thread, until the guard is dropped.
    pub(crate) fn begin() -> (Self, DefaultGuard) {
        // With one listener alone `tracing` asks the thread that comes to a place first, which may have none, and takes that
        // for everybody's answer.
        static OTHERS: LazyLock<[Dispatch; 2]> = LazyLock::new(|| [0, 1].map(|_| Dispatch::new(Listener::default())));
        LazyLock::force(&OTHERS);
        let listener = Self::default();
        let guard = tracing::subscriber::set_default(listener.clone());
        (listener, guard)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    /// The operation that began last.
    pub(crate) fn last(&self) -> Span {
        self.kept().spans.last().unwrap().clone()
    }

    /// The operations that have begun since it was asked last, of which none is under way.
    pub(crate) fn take(&self) -> Vec<Span> {
        let mut kept = self.kept();
        assert!(kept.within.is_empty());
        let spans = kept.spans[kept.taken..].to_vec();
        kept.taken = kept.spans.len();
        spans
    }

    /// The only operation since it was asked last.
    pub(crate) fn one(&self) -> Span {
        let mut spans = self.take();
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }

    pub(crate) fn events(&self) -> Vec<(&'static str, Texts)> {
        self.kept().events.clone()
    }

    /// Whether a span is entered.
    pub(crate) fn is_within(&self) -> bool {
        !self.kept().within.is_empty()
    }

    /// Whether this text stands anywhere.
    pub(crate) fn holds(&self, text: &str) -> bool {
        format!("{:?}", self.kept()).contains(text)
    }
}

struct Reader<'t>(&'t mut Texts);

impl Visit for Reader<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let before = self.0.insert(field.name().to_owned(), value.to_owned());
        assert_eq!(before, None, "{field} is recorded twice");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

fn place(id: &Id) -> usize {
    usize::try_from(id.into_u64()).unwrap() - 1
}

impl Subscriber for Listener {
    fn enabled(&self, meta: &Metadata<'_>) -> bool {
        meta.target().starts_with("pgrepo")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Texts::new();
        attributes.record(&mut Reader(&mut fields));
        let mut kept = self.kept();
        let parent = kept.within.last().copied();
        kept.spans.push(Span { meta: attributes.metadata(), parent, fields, held: 1, entered: 0 });
        Id::from_u64(kept.spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        values.record(&mut Reader(&mut self.kept().spans[place(id)].fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Texts::new();
        event.record(&mut Reader(&mut fields));
        self.kept().events.push((event.metadata().target(), fields));
    }

    fn enter(&self, id: &Id) {
        let mut kept = self.kept();
        kept.spans[place(id)].entered += 1;
        kept.within.push(place(id));
    }

    fn exit(&self, id: &Id) {
        assert_eq!(self.kept().within.pop(), Some(place(id)));
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.kept().spans[place(id)].held += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut kept = self.kept();
        let span = &mut kept.spans[place(&id)];
        span.held -= 1;
        span.held == 0
    }

    fn current_span(&self) -> Current {
        let kept = self.kept();
        match kept.within.last() {
            Some(at) => Current::new(Id::from_u64(*at as u64 + 1), kept.spans[*at].meta),
            None => Current::none(),
        }
    }
}
