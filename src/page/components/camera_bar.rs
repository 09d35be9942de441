//! What one can do with the camera, over its picture.

use crate::controller::Controller;
use crate::state::CameraState;
use leptos::prelude::*;

/// While the camera is open: what one can do with it, over the picture.
#[component]
pub fn CameraBar(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let live = state.camera;
    view! {
        <div class="camera-bar" class:shown=move || live.get() != CameraState::Off>
            <button
                type="button"
                class="strong"
                data-testid="camera-pause"
                on:click=move |_| match live.get_untracked() {
                    CameraState::Running => controller.pause_camera(),
                    _ => controller.resume_camera(),
                }
            >
                {move || {
                    let text = state.text().camera;
                    if live.get() == CameraState::Paused { text.resume } else { text.pause }
                }}
            </button>
            <button type="button" data-testid="camera-keep" disabled=move || live.get() != CameraState::Running on:click=move |_| controller.add_to_tray()>
                {move || state.text().camera.keep}
            </button>
            <button type="button" data-testid="camera-stop" on:click=move |_| controller.stop_camera()>
                {move || state.text().camera.stop}
            </button>
        </div>
    }
}
