// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.1.6;

// Convolution without padding, weights[filter][row][column][channel] constants of the circuit: one linear row per output,
// no product. Values lie flat: row by row, in a row pixel by pixel, in a pixel channel by channel.
template Conv2d(height, width, channels, filters, rows, columns, stride, weights, bias) {
    var outHeight = (height - rows) \ stride + 1;
    var outWidth = (width - columns) \ stride + 1;
    signal input in[height * width * channels];
    signal output out[outHeight * outWidth * filters];

    for (var r = 0; r < outHeight; r++) {
        for (var c = 0; c < outWidth; c++) {
            for (var f = 0; f < filters; f++) {
                var sum = bias[f];
                for (var i = 0; i < rows; i++) {
                    for (var j = 0; j < columns; j++) {
                        var pixel = ((r * stride + i) * width + c * stride + j) * channels;
                        for (var k = 0; k < channels; k++) {
                            sum += weights[f][i][j][k] * in[pixel + k];
                        }
                    }
                }
                out[(r * outWidth + c) * filters + f] <== sum;
            }
        }
    }
}
