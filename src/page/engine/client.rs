//! The page's end of the protocol.

use super::protocol::{Event, Request};
use super::service::Service;
use std::rc::Rc;

/// Sends requests to an engine in this process.
#[derive(Clone)]
pub struct Client {
    service: Rc<Service>,
}

impl Client {
    /// `on_event` is called from the engine's tasks, never from within `send`.
    pub fn new(on_event: impl Fn(Event) + 'static) -> Client {
        Client { service: Service::new(on_event) }
    }

    pub fn send(&self, request: Request) {
        self.service.receive(request);
    }

    /// Whether nothing is being computed or waits for it.
    pub fn is_idle(&self) -> bool {
        self.service.is_idle()
    }
}
