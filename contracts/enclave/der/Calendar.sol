// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Dates of documents
/// @notice Turns a date and a time of day in UTC into Unix seconds; refuses what no calendar shows.
library Calendar {
    /// @notice No such moment: a month 13, a 30th of February, a second 60, or a year before 1970.
    error NoSuchDate(uint256 year, uint256 month, uint256 day, uint256 secondOfDay);

    /// @notice The text has something else than two decimal digits at this place.
    error NotTwoDigits(bytes32 text, uint256 place);

    uint256 private constant SECONDS_PER_DAY = 86_400;
    /// @dev Days from 1 March of the year 0 to 1 January 1970.
    uint256 private constant DAYS_TO_1970 = 719_468;
    uint256 private constant DAYS_PER_400_YEARS = 146_097;

    /// @dev The days are those of the proleptic Gregorian calendar, counted in years that begin in March, so that the
    /// leap day is the last one. Two digits come from a reader that has checked them, so nothing here overflows.
    function toUnix(
        uint256 year,
        uint256 month,
        uint256 day,
        uint256 hour,
        uint256 minute,
        uint256 second
    ) internal pure returns (uint256) {
        unchecked {
            uint256 secondOfDay = hour * 3600 + minute * 60 + second;
            bool isReal = year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
            if (!isReal || hour > 23 || minute > 59 || second > 59) revert NoSuchDate(year, month, day, secondOfDay);

            uint256 marchYear = month > 2 ? year : year - 1;
            uint256 marchMonth = month > 2 ? month - 3 : month + 9;
            uint256 yearOfEra = marchYear % 400;
            uint256 dayOfYear = (153 * marchMonth + 2) / 5 + day - 1;
            uint256 dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
            uint256 daysSince1970 = (marchYear / 400) * DAYS_PER_400_YEARS + dayOfEra - DAYS_TO_1970;
            return daysSince1970 * SECONDS_PER_DAY + secondOfDay;
        }
    }

    function daysIn(uint256 year, uint256 month) internal pure returns (uint256) {
        if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
        // April, June, September, November.
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    }

    /// @notice The number that two ASCII digits show, the first one `place` octets into `text`.
    function twoDigits(uint256 text, uint256 place) internal pure returns (uint256 number) {
        unchecked {
            uint256 tens;
            uint256 ones;
            assembly ("memory-safe") {
                tens := sub(byte(place, text), 0x30)
                ones := sub(byte(add(place, 1), text), 0x30)
            }
            // What is below "0" has wrapped around.
            if (tens > 9 || ones > 9) revert NotTwoDigits(bytes32(text), place);
            number = tens * 10 + ones;
        }
    }
}
