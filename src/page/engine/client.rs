//! The page's end of the protocol.

use super::super::platform::crash;
use super::message;
use super::protocol::{Event, Reply, Request};
use super::service::Service;
use js_sys::{Array, Function, Reflect};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use web_sys::{MessageChannel, MessageEvent, MessagePort, Worker};

/// Sends requests to the engine: in a worker, or in this process where no worker starts.
#[derive(Clone)]
pub struct Client {
    inner: Rc<Inner>,
}

struct Inner {
    on_event: Box<dyn Fn(Event)>,
    engine: RefCell<Engine>,
    /// Requests sent to the worker.
    sent: Cell<u32>,
    /// Of these the worker has received, when it last wrote; and whether it was idle then.
    received: Cell<u32>,
    was_idle: Cell<bool>,
}

enum Engine {
    /// A worker that has not answered yet, and what is to be sent to it.
    Starting(Vec<Request>),
    InWorker(MessagePort),
    Here(Rc<Service>),
}

impl Client {
    /// `on_event` is called from tasks of its own, never from within `send`.
    pub fn new(on_event: impl Fn(Event) + 'static) -> Client {
        let inner = Rc::new(Inner {
            on_event: Box::new(on_event),
            engine: RefCell::new(Engine::Starting(Vec::new())),
            sent: Cell::new(0),
            received: Cell::new(0),
            was_idle: Cell::new(true),
        });
        if start_worker(&inner).is_err() {
            inner.compute_here();
        }
        Client { inner }
    }

    pub fn send(&self, request: Request) {
        self.inner.send(request);
    }

    /// Whether nothing is being computed or waits for it.
    pub fn is_idle(&self) -> bool {
        match &*self.inner.engine.borrow() {
            Engine::Starting(waiting) => waiting.is_empty(),
            Engine::InWorker(_) => self.inner.worker_is_idle(),
            Engine::Here(service) => service.is_idle(),
        }
    }
}

impl Inner {
    fn send(&self, request: Request) {
        match &mut *self.engine.borrow_mut() {
            Engine::Starting(waiting) => waiting.push(request),
            Engine::InWorker(port) => {
                self.sent.set(self.sent.get() + 1);
                message::post(port, &request);
            }
            Engine::Here(service) => service.receive(request),
        }
    }

    fn use_engine(&self, engine: Engine) {
        if let Engine::Starting(waiting) = self.engine.replace(engine) {
            waiting.into_iter().for_each(|request| self.send(request));
        }
    }

    fn compute_here(self: &Rc<Self>) {
        let client = Rc::downgrade(self);
        let on_event = move |event| {
            if let Some(client) = client.upgrade() {
                (client.on_event)(event);
            }
        };
        self.use_engine(Engine::Here(Service::new(on_event)));
    }

    fn is_starting(&self) -> bool {
        matches!(*self.engine.borrow(), Engine::Starting(_))
    }

    fn worker_is_idle(&self) -> bool {
        self.was_idle.get() && self.received.get() == self.sent.get()
    }

    fn hear(&self, reply: Reply) {
        self.received.set(reply.received);
        self.was_idle.set(reply.idle);
        match reply.event {
            // Not of everything that was sent meanwhile: it comes again.
            Some(Event::Work(None)) if !self.worker_is_idle() => {}
            Some(event) => (self.on_event)(event),
            None if self.worker_is_idle() => (self.on_event)(Event::Work(None)),
            None => {}
        }
    }
}

/// Starts the worker that the page's script knows how to make (`start.js`), with this very program
/// in it. Its first message says that it listens.
fn start_worker(inner: &Rc<Inner>) -> Result<(), JsValue> {
    let global = js_sys::global();
    let make: Function = Reflect::get(&global, &"gradlensWorker".into())?.dyn_into()?;
    let worker: Worker = make.call0(&global)?.dyn_into()?;
    let channel = MessageChannel::new()?;
    let (port, other) = (channel.port1(), channel.port2());
    on_message(&port, Rc::downgrade(inner));
    let client = Rc::downgrade(inner);
    let failed = Closure::<dyn FnMut(JsValue)>::new(move |_| {
        let Some(client) = client.upgrade() else { return };
        match client.is_starting() {
            true => client.compute_here(),
            false => crash::show(), // it broke: its console has the reason
        }
    });
    worker.set_onerror(Some(failed.as_ref().unchecked_ref()));
    failed.forget(); // lives as long as the page
    let parts = Array::of4(
        &wasm_bindgen::module(),
        &other,
        &web_sys::window().and_then(|window| window.document()?.base_uri().ok()?).into(),
        &Reflect::get(&global, &"gradlensBlobs".into())?,
    );
    worker.post_message_with_transfer(&parts, &Array::of1(&other))
}

fn on_message(port: &MessagePort, client: Weak<Inner>) {
    let sender = port.clone();
    let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(client) = client.upgrade() else { return };
        let reply = message::read(event.data());
        if client.is_starting() {
            client.use_engine(Engine::InWorker(sender.clone()));
        }
        client.hear(reply);
    });
    port.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    heard.forget(); // lives as long as the page
}
