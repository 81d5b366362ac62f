// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

// Sums of size x size windows of each channel, moved by `stride`, without padding: one linear row per output. Values lie
// flat as in conv2d.circom.
template SumPool(height, width, channels, size, stride) {
    var outHeight = (height - size) \ stride + 1;
    var outWidth = (width - size) \ stride + 1;
    signal input in[height * width * channels];
    signal output out[outHeight * outWidth * channels];

    for (var r = 0; r < outHeight; r++) {
        for (var c = 0; c < outWidth; c++) {
            for (var k = 0; k < channels; k++) {
                var sum = 0;
                for (var i = 0; i < size; i++) {
                    for (var j = 0; j < size; j++) {
                        sum += in[((r * stride + i) * width + c * stride + j) * channels + k];
                    }
                }
                out[(r * outWidth + c) * channels + k] <== sum;
            }
        }
    }
}
