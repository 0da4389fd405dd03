"""The codes in which the vendor tells how a face check ended.

Source: Tencent Cloud FaceID, result codes of a verification (product/213/32309, 1007/31082).
"""

from __future__ import annotations

from core.ports.face import FaceVerdict

SUCCESS = "成功"

# A check ends with one number. TOKEN_UNKNOWN and TOKEN_EXPIRED are errors of the request where a
# BizToken is asked for; 15 is told of a FaceIdToken that was not used in time.
ERRORS: dict[FaceVerdict, tuple[int, str]] = {
    FaceVerdict.PASSED: (0, SUCCESS),
    FaceVerdict.TOKEN_EXPIRED: (15, "token已过期"),
    FaceVerdict.NOT_DONE: (17, "流程未完成"),
    FaceVerdict.NOT_LIVE: (1002, "疑似非真人"),
    FaceVerdict.NO_FACE: (1004, "人脸检测失败"),
    FaceVerdict.NAME_MISMATCH: (2006, "姓名和身份证号不一致"),
    FaceVerdict.NO_PHOTO: (2007, "库中无此号照片"),
    FaceVerdict.SEVERAL_FACES: (2012, "检测到多张人脸"),
    FaceVerdict.BELOW_THRESHOLD: (2016, "相似度未达标"),
    FaceVerdict.TOO_OFTEN: (2018, "次数超限"),
}
