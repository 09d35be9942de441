//! Words about computing without a GPU.

pub struct Processor {
    /// In the place of the adapter's name.
    pub name: &'static str,
    /// After the sentence that says why the GPU does not compute.
    pub instead: &'static str,
    pub use_processor: &'static str,
    /// Beside an adapter that is software.
    pub rather: &'static str,
    /// Beside the processor, where WebGPU is software.
    pub faster: &'static str,
    pub rather_adapter: &'static str,
    pub use_gpu_again: &'static str,
    /// After a photo that the graphics card has no room for.
    pub smaller: &'static str,
}

pub const ENGLISH: Processor = Processor {
    name: "the processor",
    instead: "Until then this computer's processor computes: the same results, but slower.",
    use_processor: "Compute on the processor instead of the graphics card",
    rather: "Faster: use the processor",
    faster: "faster than software WebGPU",
    rather_adapter: "Use WebGPU",
    use_gpu_again: "Try the graphics card again",
    smaller: "Look at it smaller: {} pixels",
};

pub const CHINESE: Processor = Processor {
    name: "处理器（CPU）",
    instead: "现在先由本机的处理器计算：结果相同，只是慢一些。",
    use_processor: "用处理器代替显卡计算",
    rather: "改用处理器，更快",
    faster: "比软件模拟的 WebGPU 快",
    rather_adapter: "改用 WebGPU",
    use_gpu_again: "再试一次显卡",
    smaller: "缩小到 {} 像素再看",
};
