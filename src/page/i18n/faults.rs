//! What went wrong, in a sentence.

use super::{CHINESE, ENGLISH, Language, fill};
use crate::fault::Fault;

/// The sentence for something that went wrong: what it was, and what to do.
pub fn sentence(language: Language, fault: &Fault) -> String {
    match (language, fault) {
        (Language::English, Fault::Engine(error)) => error.to_string(),
        (Language::Chinese, Fault::Engine(error)) => error.chinese(),
        (language, fault) => {
            let (english, chinese, values): (&str, &str, Vec<&str>) = match fault {
                Fault::Insecure => (
                    "This page came over plain http, and browsers keep WebGPU for https and localhost. Open it by an https address, or serve it on this computer.",
                    "本页是通过普通 http 打开的，而浏览器只在 https 和 localhost 下提供 WebGPU。请用 https 地址打开，或在本机上运行。",
                    vec![],
                ),
                Fault::NoWebGpu => (
                    "This browser has no WebGPU, which the network is computed with. Use a current Chrome, Edge, Firefox or Safari, and see that hardware acceleration is on.",
                    "这个浏览器没有 WebGPU，而网络要靠它计算。请使用最新的 Chrome、Edge、Firefox 或 Safari，并开启硬件加速。",
                    vec![],
                ),
                Fault::Fetch { file, detail } => (
                    "{} could not be fetched ({}). Check the connection and try again, or open the file from your disk.",
                    "无法获取 {}（{}）。请检查网络后重试，或从本机打开该文件。",
                    vec![file, detail],
                ),
                Fault::Altered { file } => (
                    "{} is not the file that this page lists: its checksum differs, so it is not used. If you trust it, choose it with “Open weights”.",
                    "{} 与本页列出的文件不符（校验和不同），因此没有使用。如果你信任它，请用“打开权重”选择它。",
                    vec![file],
                ),
                Fault::Models { detail } => (
                    "The list of models cannot be read ({}). You can still open a weights file of your own.",
                    "无法读取模型列表（{}）。你仍可打开自己的权重文件。",
                    vec![detail],
                ),
                Fault::Lessons { detail } => (
                    "The list of lessons cannot be read ({}). Everything else works.",
                    "无法读取课例列表（{}）。其他功能不受影响。",
                    vec![detail],
                ),
                Fault::NothingDropped => (
                    "That was no file. Drop a photo from a folder, or copy the picture itself and paste it.",
                    "那不是文件。请从文件夹里拖一张照片进来，或复制图片本身再粘贴。",
                    vec![],
                ),
                Fault::Camera { detail } => {
                    (ENGLISH.camera.refused, CHINESE.camera.refused, vec![detail])
                }
                Fault::Save => (
                    "The browser did not make a PNG of this picture. Try again, or with a smaller photo.",
                    "浏览器没能生成 PNG。请重试，或换一张小一些的照片。",
                    vec![],
                ),
                Fault::Engine(_) => unreachable!("handled above"),
            };
            fill(language.choose(english, Some(chinese)), &values)
        }
    }
}
