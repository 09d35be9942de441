//! The camera: an explanation of what it sees now.
//!
//! A frame is taken only when the engine is idle: frames are dropped and never wait in a line.
//! Pausing leaves the last one to be explored like any photo.

use super::Controller;
use crate::engine::protocol::{Frame, PhotoId, Predicted, Request};
use crate::fault::{Fault, Retry};
use crate::platform::camera::Camera;
use crate::platform::fetch::message;
use crate::state::{CameraState, Picture};
use gradlens::explain::Explanation;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;

impl Controller {
    pub fn start_camera(self) {
        let state = self.state;
        self.clear_small_failure();
        spawn_local(async move {
            match Camera::open(move || self.offer_frame()).await {
                Ok(camera) => {
                    self.inner().camera.replace(Some(camera));
                    self.save_settings();
                    state.class.set(None);
                    state.camera.set(CameraState::Running);
                }
                Err(error) => self.fail(Fault::Camera { detail: message(&error) }, Retry::None),
            }
        });
    }

    /// Sends the camera's present picture to an idle engine.
    fn offer_frame(self) {
        let state = self.state;
        let ready = state.camera.get_untracked() == CameraState::Running
            && state.model.with_untracked(Option::is_some);
        if !ready || !self.engine_is_idle() {
            return;
        }
        let photo = self.inner().camera.borrow_mut().as_mut().and_then(Camera::frame);
        if let Some(photo) = photo {
            let (generation, settings, query) =
                (self.next_generation(), self.settings(), state.query());
            let (id, pixels) = (self.next_photo(), photo.clone());
            self.inner().frame.replace(Some((id, photo)));
            self.send(Request::Frame(Frame { generation, photo: id, pixels, settings, query }));
        }
    }

    pub(super) fn on_frame(
        self,
        photo: PhotoId,
        predicted: Predicted,
        explanation: Arc<Explanation>,
    ) {
        let state = self.state;
        if state.camera.get_untracked() != CameraState::Running {
            return;
        }
        let frame = self.inner().frame.borrow_mut().take_if(|(id, _)| *id == photo);
        let Some((id, pixels)) = frame else { return };
        let size = (pixels.width, pixels.height);
        let name = state.text_untracked().camera.frame.to_owned();
        state.layer_summary.set(predicted.layer_summary);
        self.set_picture(Picture { id, name, sample: None, size, shown: Arc::new(pixels) });
        state.prediction.set(Some(predicted.prediction));
        state.explanation.set(Some(explanation));
        state.explanation_count.update(|count| *count += 1);
    }

    /// The frame on show stays, and becomes one of the visitor's photos.
    pub fn pause_camera(self) {
        if self.state.camera.get_untracked() == CameraState::Running {
            self.state.camera.set(CameraState::Paused);
            self.add_to_tray();
            // A frame that is being computed will not be shown.
            self.inner().other_photo.set(!self.engine_is_idle());
            self.ask_for_channels();
        }
    }

    pub fn resume_camera(self) {
        self.inner().other_photo.set(false);
        self.state.camera.set(CameraState::Running);
    }

    pub fn stop_camera(self) {
        self.pause_camera();
        self.inner().camera.replace(None);
        self.state.camera.set(CameraState::Off);
    }
}
